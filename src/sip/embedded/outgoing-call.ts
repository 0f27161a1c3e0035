import { type Failure, failure } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { DigestClient } from '../digest.ts';
import { endingOfStatus } from '../ending-of-status.ts';
import type { InviteOptions } from '../engine.ts';
import { headerLine, toWire } from '../header-line.ts';
import { parseNameAddr } from '../name-addr.ts';
import { reasonValue } from '../reason-header.ts';
import { parseUri, type SipUri } from '../sip-uri.ts';
import type { Hop } from '../transport/packet.ts';
import { addressOfRecord, digestOf, displayNameOf, escapeUser, hopOf } from './account.ts';
import type { EmbeddedCore } from './core.ts';
import type { DialogIndex } from './dialog-index.ts';
import { DialogLeg, type DialogListener, sdpBody } from './dialog-leg.ts';
import { EmbeddedCall, remoteOf } from './embedded-call.ts';
import { ExactUri, IncomingResponse, sdpOf } from './incoming-message.ts';
import { randomToken } from './outgoing-message.ts';
import {
  C,
  type OutgoingInviteRequest,
  SessionDialog,
  servedMethods,
  Timers,
  type UserAgentClient,
} from './sip-js.ts';
import type { Wire } from './wire.ts';

export interface OutgoingCallOptions {
  readonly core: EmbeddedCore;
  readonly dialogs: DialogIndex;
  readonly wire: Wire;
  readonly target: string;
  readonly invite: InviteOptions;
  readonly localAddress: string;
  readonly log: Log;
}

type State = 'starting' | 'calling' | 'answered' | 'over';
type InviteDelegate = NonNullable<OutgoingInviteRequest['delegate']>;
type Accepted = Parameters<NonNullable<InviteDelegate['onAccept']>>[0];
type Progress = Parameters<NonNullable<InviteDelegate['onProgress']>>[0];

const redirectsFollowed = 1;

/** A call that we place: one INVITE, or several when it is challenged or redirected, then its dialog. */
export class OutgoingCall extends EmbeddedCall {
  readonly direction = 'out';
  readonly offer = undefined;
  readonly #options: OutgoingCallOptions;
  readonly #digest: DigestClient | undefined;
  readonly #fromTag = randomToken();
  readonly #timers = new Set<NodeJS.Timeout>();
  #state: State = 'starting';
  #target: SipUri | undefined;
  #hop: Hop | undefined;
  #contact = '';
  #cseq = 1;
  #authorization: readonly string[] = [];
  #redirects = 0;
  #client: OutgoingInviteRequest | undefined;
  #heard = false;
  #earlySdp: string | undefined;

  constructor(options: OutgoingCallOptions) {
    const { core, log, target, localAddress } = options;
    const uri = parseUri(target);
    const party = parseNameAddr(`<${target}>`);
    const remote = party === undefined ? { uri: target, user: '', displayName: undefined } : remoteOf(party);
    super({ core, log, callId: randomToken(), remote, localAddress });
    this.#options = options;
    this.#target = uri;
    this.#digest = digestOf(options.invite.account);
    this.#digest?.begin();
  }

  /** Sends the INVITE; whatever prevents it ends the call. */
  async start(): Promise<void> {
    const { invite, wire } = this.#options;
    if (this.#target?.scheme !== 'sip') return this.#failed(failure('bad-request', 'not a SIP URI'));
    this.#after(invite.noAnswerSeconds * 1000, () => this.#nobodyAnswered());
    try {
      this.#hop = await hopOf(invite.account, wire);
      await this.#prepare(this.#hop);
    } catch (error) {
      return this.#failed(failure('phone-unreachable', String(error)));
    }
    this.#send();
  }

  header(name: string): string | undefined {
    const wanted = name.toLowerCase();
    return this.#options.invite.headers.find((header) => header.name.toLowerCase() === wanted)?.value;
  }

  ring(): void {}

  answer(_sdp: string): void {}

  end(why: Failure): void {
    const state = this.#state;
    if (state === 'over') return;
    this.#state = 'over';
    this.#clearTimers();
    if (state === 'calling') this.#cancel(why);
    else if (state === 'answered') this.#bye(why);
    else this.settle();
    this.finish(why);
  }

  override abort(): void {
    this.#state = 'over';
    this.#clearTimers();
    this.leg?.abort();
    this.settle();
  }

  async #prepare(hop: Hop): Promise<void> {
    const { invite, wire } = this.#options;
    this.address = await wire.sockets.localAddresses.towards(hop.address);
    this.#contact = wire.contact(escapeUser(invite.account.user), this.address, hop.transport);
  }

  #send(): void {
    const { core, invite } = this.#options;
    const from = addressOfRecord(invite.account);
    if (this.#state === 'over') {
      this.settle();
      return;
    }
    if (this.#target === undefined || from === undefined) {
      this.#failed(failure('bad-request', 'not a SIP URI'));
      return;
    }
    this.#state = 'calling';
    const to = new ExactUri(this.#target);
    const options = {
      callId: this.callId,
      fromTag: this.#fromTag,
      fromDisplayName: displayNameOf(invite.account),
      cseq: this.#cseq,
    };
    const request = core.makeOutgoingRequestMessage(
      C.INVITE,
      to,
      from,
      to,
      options,
      this.#headers(),
      sdpBody(invite.sdp),
    );
    try {
      const client = core.asClient(this.#hop, () => core.invite(request, this.#delegate()));
      this.#client = client;
      if (this.#hop !== undefined) this.#options.wire.watchRefusal(this.#hop, () => this.#refusedBy(client));
    } catch (error) {
      this.log.error({ err: error }, 'the INVITE could not be written');
      this.#failed(failure('internal', String(error)));
    }
  }

  #headers(): string[] {
    return [
      headerLine('Contact', this.#contact),
      headerLine('Allow', servedMethods.join(', ')),
      headerLine('Accept', 'application/sdp'),
      ...this.#options.invite.headers.map(({ name, value }) => headerLine(name, toWire(value))),
      ...this.#authorization,
    ];
  }

  #delegate(): InviteDelegate {
    return {
      onTrying: () => this.#hear(),
      onProgress: (response) => this.#progress(response),
      onAccept: (response) => this.#accepted(response),
      onRedirect: ({ message }) => this.#redirected(message),
      onReject: ({ message }) => this.#rejected(message),
    };
  }

  #hear(): void {
    this.#heard = true;
  }

  #progress(response: Progress): void {
    this.#hear();
    const { message } = response;
    if (this.#state !== 'calling' || !(message instanceof IncomingResponse)) return;
    this.#acknowledgeReliably(response, message);
    const sdp = sdpOf(message.source);
    if (sdp !== undefined) this.#earlySdp = sdp;
    if (message.source.status !== 199) this.tell('ringing', sdp);
  }

  /** RFC 3262 §4: we do not offer 100rel, but a peer that sends reliably all the same would otherwise give up. */
  #acknowledgeReliably(response: Progress, message: IncomingResponse): void {
    const { headers } = message.source;
    const sequence = /^\d{1,10}$/.exec(headers.get('rseq') ?? '')?.[0];
    if (sequence === undefined || !headers.list('require').includes('100rel')) return;
    const acknowledgement = headerLine('RAck', `${sequence} ${message.source.cseq} INVITE`);
    this.core.asClient(undefined, () => response.prack({ extraHeaders: [acknowledgement] }));
  }

  #accepted(response: Accepted): void {
    const { message, session } = response;
    this.core.asClient(undefined, () => response.ack());
    if (!(session instanceof SessionDialog) || !(message instanceof IncomingResponse)) return;
    const leg = this.#makeLeg(session);
    if (this.#state !== 'calling') {
      this.#drop(leg);
      return;
    }
    this.#clearTimers();
    this.#state = 'answered';
    this.leg = leg;
    this.#options.dialogs.add(leg);
    const sdp = sdpOf(message.source) ?? this.#earlySdp;
    if (sdp === undefined) this.end(failure('phone-failed', '200 without SDP'));
    else this.tell('answered', sdp);
  }

  /** A 200 that comes too late: after our CANCEL, or from a second branch of a forked INVITE (RFC 3261 §13.2.2.4, §9.1). */
  #drop(leg: DialogLeg): void {
    const gone = leg.bye(failure('hangup'));
    if (this.leg === undefined) gone.finally(() => this.settle());
  }

  #redirected(message: unknown): void {
    const contacts = message instanceof IncomingResponse ? message.source.headers.list('contact') : [];
    const target = contacts
      .map((contact) => parseNameAddr(contact)?.uri)
      .find((uri) => uri?.scheme === 'sip');
    if (this.#state !== 'calling' || target === undefined || this.#redirects >= redirectsFollowed) {
      this.#rejected(message);
      return;
    }
    this.#redirects += 1;
    this.#target = withoutHeaders(target);
    this.#authorization = [];
    this.#digest?.begin();
    this.#redirect(target).catch((error) => this.#failed(failure('phone-unreachable', String(error))));
  }

  /** A target at the account's own server goes by that server; any other one goes where it says (RFC 3261 §8.1.3.4). */
  async #redirect(target: SipUri): Promise<void> {
    const { account } = this.#options.invite;
    if (
      target.host !== account.domain &&
      (target.host !== account.server || (target.port ?? 5060) !== account.port)
    ) {
      this.#hop = await this.#options.wire.resolve(target);
      await this.#prepare(this.#hop);
    }
    this.#cseq += 1;
    this.#send();
  }

  #rejected(message: unknown): void {
    if (this.#state !== 'calling') {
      this.settle();
      return;
    }
    if (!(message instanceof IncomingResponse)) {
      this.#failed(failure('phone-unreachable', 'no answer to the INVITE, or it could not be sent'));
      return;
    }
    const { status, reason, headers } = message.source;
    const uri = this.#target?.text ?? '';
    const challenge = { method: C.INVITE, uri, body: this.#options.invite.sdp };
    const more =
      status === 401 || status === 407 ? this.#digest?.answer(status, headers, challenge) : undefined;
    if (more === undefined) {
      this.#failed(endingOfStatus(status, reason, headers));
      return;
    }
    this.#authorization = [...this.#authorization, ...more];
    this.#cseq += 1;
    this.#send();
  }

  /** The peer's UDP port is closed. */
  #refusedBy(client: OutgoingInviteRequest): void {
    if (this.#heard || client !== this.#client || this.#state !== 'calling') return;
    this.#failed(failure('phone-unreachable', 'connection refused'));
    this.core.abandon(client as unknown as UserAgentClient);
  }

  #nobodyAnswered(): void {
    this.end(
      this.#heard ? failure('phone-no-answer') : failure('phone-unreachable', 'the peer sent nothing at all'),
    );
  }

  #failed(why: Failure): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#clearTimers();
    this.settle();
    this.finish(why);
  }

  /** sip.js holds the CANCEL back until a provisional response came (RFC 3261 §9.1). */
  #cancel(why: Failure): void {
    const client = this.#client;
    if (client === undefined) {
      this.settle();
      return;
    }
    this.core.cancel(client, reasonValue(why));
    this.#after(64 * Timers.T1, () => {
      this.core.abandon(client as unknown as UserAgentClient);
      this.settle();
    });
    this.settled.then(() => this.#clearTimers());
  }

  #bye(why: Failure): void {
    const { leg } = this;
    if (leg === undefined) {
      this.settle();
      return;
    }
    leg.bye(why).finally(() => {
      this.#options.dialogs.remove(leg);
      this.settle();
    });
  }

  #makeLeg(session: SessionDialog): DialogLeg {
    const { core, log } = this.#options;
    const listener: DialogListener = {
      acknowledged: () => {},
      reacknowledged: (sdp) => this.tell('reanswered', sdp),
      reoffer: (sdp, respond) => this.tell('reoffer', sdp, respond),
      info: (contentType, body) => this.tell('info', contentType, body),
      // Also the loser of a fork may say BYE; that one is not the call.
      lost: (why, byPeer) => (this.leg?.session === session ? this.#lost(why, byPeer) : undefined),
    };
    return new DialogLeg({
      core,
      session,
      log,
      listener,
      contact: this.#contact,
      digest: this.#digest,
      ownsCallId: true,
    });
  }

  #lost(why: Failure, byPeer: boolean): void {
    if (this.#state !== 'answered') return;
    if (!byPeer) {
      this.end(why);
      return;
    }
    this.#state = 'over';
    if (this.leg !== undefined) this.#options.dialogs.remove(this.leg);
    this.leg?.abort();
    this.settle();
    this.finish(why);
  }

  #after(ms: number, act: () => void): void {
    this.#timers.add(setTimeout(act, ms));
  }

  #clearTimers(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}

/** A Contact of a redirect may carry headers for the new request; we take none from a peer. */
function withoutHeaders(uri: SipUri): SipUri {
  const question = uri.text.indexOf('?');
  return question < 0 ? uri : { ...uri, text: uri.text.slice(0, question) };
}
