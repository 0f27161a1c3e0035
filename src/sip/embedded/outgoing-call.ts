import { type Failure, failure } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { EarlyDialogs } from '../early-dialogs.ts';
import { endingOfStatus } from '../ending-of-status.ts';
import type { InviteOptions } from '../engine.ts';
import { headerLine } from '../header-line.ts';
import { retryAfterSeconds } from '../header-text.ts';
import type { Headers } from '../message.ts';
import { parseNameAddr } from '../name-addr.ts';
import { reasonValue } from '../reason-header.ts';
import type { DialogTags } from '../refer-replaces.ts';
import { termsOfAnswer } from '../session-timer.ts';
import type { EmbeddedCore } from './core.ts';
import type { DialogIndex } from './dialog-index.ts';
import { DialogLeg, type DialogListener } from './dialog-leg.ts';
import { EmbeddedCall, remoteOf } from './embedded-call.ts';
import { IncomingResponse, sdpOf } from './incoming-message.ts';
import { type InviteDelegate, InviteRequest } from './invite-request.ts';
import { type OutgoingInviteRequest, SessionDialog, Timers, type UserAgentClient } from './sip-js.ts';
import type { Wire } from './wire.ts';

export interface OutgoingCallOptions {
  readonly core: EmbeddedCore;
  readonly dialogs: DialogIndex;
  readonly wire: Wire;
  readonly target: string;
  readonly invite: InviteOptions;
  readonly localAddress: string;
  /** Session interval that we want (RFC 4028); 0: none. */
  readonly sessionSeconds: number;
  readonly log: Log;
}

/** So many T1 a server may be silent before the next one is tried: time for four tries over UDP. */
const patience = 8;

type State = 'starting' | 'calling' | 'answered' | 'over';
type Accepted = Parameters<NonNullable<InviteDelegate['onAccept']>>[0];
type Progress = Parameters<NonNullable<InviteDelegate['onProgress']>>[0];

/** A call that we place: one INVITE, or several when it is challenged or redirected, then its dialog. */
export class OutgoingCall extends EmbeddedCall {
  readonly direction = 'out';
  readonly takesEarlyMedia = false;
  readonly offer = undefined;
  readonly #options: OutgoingCallOptions;
  readonly #request: InviteRequest;
  readonly #timers = new Set<NodeJS.Timeout>();
  #state: State = 'starting';
  #client: OutgoingInviteRequest | undefined;
  #heard = false;
  #earlySdp: string | undefined;
  readonly #earlyDialogs = new EarlyDialogs();
  /** Dialogs before the answer, as far as the peer may already ask for something in them. */
  readonly #earlyLegs = new Map<SessionDialog, DialogLeg>();
  #silence: NodeJS.Timeout | undefined;
  #unwatch = (): void => {};

  constructor(options: OutgoingCallOptions) {
    const { core, log, target, localAddress } = options;
    const party = parseNameAddr(`<${target}>`);
    const remote = party === undefined ? { uri: target, user: '', displayName: undefined } : remoteOf(party);
    const request = new InviteRequest(target, options.invite, options.sessionSeconds, options.wire);
    const { account } = options.invite;
    super({ core, log, account, callId: request.callId, remote, localAddress });
    this.#options = options;
    this.#request = request;
  }

  /** Sends the INVITE; whatever prevents it ends the call. */
  async start(): Promise<void> {
    if (!this.#request.valid) return this.#failed(failure('bad-request', 'not a SIP URI'));
    this.#after(this.#options.invite.noAnswerSeconds * 1000, () => this.#nobodyAnswered());
    try {
      await this.#request.prepare();
    } catch (error) {
      return this.#failed(failure('phone-unreachable', String(error)));
    }
    this.#send();
  }

  override get earlyTags(): readonly DialogTags[] {
    return this.#state === 'calling' ? this.#earlyDialogs.tags : [];
  }

  header(name: string): string | undefined {
    const wanted = name.toLowerCase();
    return this.#options.invite.headers.find((header) => header.name.toLowerCase() === wanted)?.value;
  }

  ring(): void {}

  early(_sdp: string): void {}

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

  #send(): void {
    if (this.#state === 'over') {
      this.settle();
      return;
    }
    this.#state = 'calling';
    this.#earlyDialogs.clear();
    this.#closeEarlyLegs();
    this.address = this.#request.localAddress;
    try {
      const client = this.#request.send(this.core, this.#delegate());
      this.#client = client;
      const { hop } = this.#request;
      this.#unwatch();
      if (hop !== undefined)
        this.#unwatch = this.#options.wire.watchRefusal(hop, (fault) => this.#noAnswerFrom(client, fault));
      if (this.#request.hasAlternative || this.#options.invite.impatient === true)
        this.#silence = setTimeout(() => this.#giveUp(client), patience * Timers.T1);
    } catch (error) {
      this.log.error({ err: error }, 'the INVITE could not be written');
      this.#failed(failure('internal', String(error)));
    }
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
    clearTimeout(this.#silence);
    this.#unwatch();
    this.#request.heard();
  }

  #progress(response: Progress): void {
    this.#hear();
    const { message } = response;
    if (this.#state !== 'calling' || !(message instanceof IncomingResponse)) return;
    this.#earlyDialogs.note(message.source);
    const sdp = sdpOf(message.source);
    if (sdp !== undefined) this.#earlySdp = sdp;
    this.#acknowledgeReliably(response, message, sdp);
    if (message.source.status !== 199) this.tell('ringing', sdp);
  }

  /** PRACK (RFC 3262 §4). With SDP the response has answered our offer, and the peer may send UPDATEs from now on. */
  #acknowledgeReliably(response: Progress, message: IncomingResponse, sdp: string | undefined): void {
    const { headers } = message.source;
    const sequence = /^\d{1,10}$/.exec(headers.get('rseq') ?? '')?.[0];
    if (sequence === undefined || !headers.list('require').includes('100rel')) return;
    const acknowledgement = headerLine('RAck', `${sequence} ${message.source.cseq} INVITE`);
    this.core.asClient(undefined, () => response.prack({ extraHeaders: [acknowledgement] }));
    const { session } = response;
    if (sdp === undefined || !(session instanceof SessionDialog) || this.#earlyLegs.has(session)) return;
    const leg = this.#makeLeg(session, headers);
    leg.describe(this.#options.invite.sdp);
    this.#earlyLegs.set(session, leg);
    this.#options.dialogs.add(leg);
  }

  #closeEarlyLegs(): void {
    for (const leg of this.#earlyLegs.values()) {
      if (leg === this.leg) continue;
      leg.close();
      this.#options.dialogs.remove(leg);
    }
    this.#earlyLegs.clear();
  }

  #accepted(response: Accepted): void {
    const { message, session } = response;
    this.core.asClient(undefined, () => response.ack());
    if (!(session instanceof SessionDialog) || !(message instanceof IncomingResponse)) return;
    const leg = this.#earlyLegs.get(session) ?? this.#makeLeg(session, message.source.headers);
    if (this.#state !== 'calling') {
      this.#drop(leg);
      return;
    }
    this.#clearTimers();
    this.#state = 'answered';
    this.leg = leg;
    this.#closeEarlyLegs();
    this.#options.dialogs.add(leg);
    leg.describe(this.#options.invite.sdp);
    leg.agree(termsOfAnswer(message.source.headers));
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
    if (message instanceof IncomingResponse) this.#request.redirected(message.source.headers);
    this.#rejected(message);
  }

  #rejected(message: unknown): void {
    clearTimeout(this.#silence);
    if (this.#state !== 'calling') this.settle();
    else if (!(message instanceof IncomingResponse)) {
      this.#tryNext(failure('phone-unreachable', 'no answer to the INVITE, or it could not be sent'));
    } else if (this.#request.authorize(message.source) || this.#request.extendSession(message.source))
      this.#send();
    else {
      const { status, reason, headers } = message.source;
      const why = endingOfStatus(status, reason, headers);
      // Only 503 is about the server; any other refusal is the answer of the one who was called.
      if (status !== 503) this.#request.heard();
      if (status === 503) this.#tryNext(why, retryAfterSeconds(headers));
      else if (status < 600) this.#tryElsewhere(why);
      else this.#failed(why);
    }
  }

  /** The peer's UDP port is closed. */
  #noAnswerFrom(client: OutgoingInviteRequest, fault: string): void {
    if (this.#heard || client !== this.#client || this.#state !== 'calling') return;
    this.core.abandon(client as unknown as UserAgentClient);
    // sip.js may have told about the end by itself.
    if (client === this.#client) this.#tryNext(failure('phone-unreachable', fault));
  }

  /** The peer said nothing for so long that another one is tried. It may be slow: its phone must not ring for nobody. */
  #giveUp(client: OutgoingInviteRequest): void {
    if (this.#heard || client !== this.#client || this.#state !== 'calling') return;
    this.core.withdraw(client, reasonValue(failure('cancelled')), (response) => {
      this.core.asClient(undefined, () => response.ack());
      const { message, session } = response;
      if (session instanceof SessionDialog && message instanceof IncomingResponse)
        void this.#makeLeg(session, message.source.headers).bye(failure('cancelled'));
    });
    this.#tryNext(failure('phone-unreachable', 'no answer'));
  }

  /** RFC 3263 §4.3: the account's next server, if there is one. */
  #tryNext(why: Failure, waitSeconds = 0): void {
    clearTimeout(this.#silence);
    this.#client = undefined;
    if (this.#state !== 'calling') return;
    this.#request.failed(waitSeconds);
    if (!this.#request.hasAlternative) {
      this.#tryElsewhere(why);
      return;
    }
    this.#state = 'starting';
    this.#heard = false;
    this.#request.failOver().then(
      () => this.#send(),
      () => this.#failed(why),
    );
  }

  /** Goes on with the next target that a redirect named (RFC 3261 §8.1.3.4); without one the call ends. */
  #tryElsewhere(why: Failure): void {
    const redirecting = this.#request.redirect();
    if (redirecting === false) {
      this.#failed(why);
      return;
    }
    this.#state = 'starting';
    this.#heard = false;
    redirecting.then(
      () => this.#send(),
      (error: unknown) => {
        if (this.#state === 'starting') this.#tryElsewhere(failure('phone-unreachable', String(error)));
      },
    );
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

  #makeLeg(session: SessionDialog, peer: Headers): DialogLeg {
    const { core, log, sessionSeconds } = this.#options;
    const listener: DialogListener = {
      acknowledged: () => {},
      reacknowledged: (sdp) => this.tell('reanswered', sdp),
      provisionallyAcknowledged: () => false,
      reoffer: (sdp, respond) => this.tell('reoffer', sdp, respond),
      info: (contentType, body) => this.tell('info', contentType, body),
      transfer: (transfer) => this.transferAsked(transfer),
      // Also the loser of a fork may say BYE; that one is not the call.
      lost: (why, byPeer) => (this.leg?.session === session ? this.#lost(why, byPeer) : undefined),
    };
    return new DialogLeg({
      core,
      session,
      peer,
      sessionSeconds,
      log,
      listener,
      contact: this.#request.contact,
      digest: this.#request.digest,
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
    if (this.leg === undefined && this.#state === 'over') this.#closeEarlyLegs();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    clearTimeout(this.#silence);
    this.#unwatch();
  }
}
