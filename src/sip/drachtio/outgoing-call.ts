import { type Failure, failure } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { BaseCall } from '../base-call.ts';
import { EarlyDialogs } from '../early-dialogs.ts';
import { endingOfStatus } from '../ending-of-status.ts';
import type { InviteOptions } from '../engine.ts';
import { retryAfterSeconds } from '../header-text.ts';
import type { SipResponse } from '../message.ts';
import { sdpOf } from '../message-body.ts';
import { parseNameAddr } from '../name-addr.ts';
import { reasonLine } from '../reason-header.ts';
import type { DialogTags } from '../refer-replaces.ts';
import { remoteOf } from '../remote-party.ts';
import { DrachtioDialog, tagsOf } from './dialog.ts';
import type { DialogTable } from './dialog-table.ts';
import { OutgoingInvite, type ServerHealth } from './outgoing-invite.ts';
import type { DrachtioSession } from './session.ts';

export interface OutgoingCallOptions {
  readonly session: DrachtioSession | undefined;
  readonly dialogs: DialogTable;
  readonly health: ServerHealth;
  readonly target: string;
  readonly invite: InviteOptions;
  /** Our address towards the account's server. Rejects when there is none. */
  readonly localAddress: () => Promise<string>;
  readonly t1: number;
  readonly log: Log;
}

/** So many T1 a server may be silent before the next one is tried, or another account: as the embedded engine does. */
const patience = 8;

type State = 'starting' | 'calling' | 'answered' | 'over';

/** A call that we place through a drachtio-server: one INVITE, or several when it is challenged or redirected, then its dialog. */
export class OutgoingCall extends BaseCall {
  readonly direction = 'out';
  readonly takesEarlyMedia = false;
  readonly offer = undefined;
  protected leg: DrachtioDialog | undefined;
  readonly #options: OutgoingCallOptions;
  readonly #invite: OutgoingInvite;
  readonly #timers = new Set<NodeJS.Timeout>();
  #state: State = 'starting';
  #cancel: ((lines: readonly string[]) => void) | undefined;
  /** Which INVITE counts; an earlier one was given up. */
  #attempt = 0;
  #silence: NodeJS.Timeout | undefined;
  #heard = false;
  #earlySdp: string | undefined;
  readonly #earlyDialogs = new EarlyDialogs();

  constructor(options: OutgoingCallOptions) {
    const { target, invite, log } = options;
    const party = parseNameAddr(`<${target}>`);
    const remote = party === undefined ? { uri: target, user: '', displayName: undefined } : remoteOf(party);
    const outgoing = new OutgoingInvite(target, invite, options.health);
    super({ log, account: invite.account, callId: outgoing.callId, remote, localAddress: '' });
    this.#options = options;
    this.#invite = outgoing;
  }

  get session(): DrachtioSession | undefined {
    return this.#options.session;
  }

  /** Sends the INVITE; whatever prevents it ends the call. */
  async start(): Promise<void> {
    if (!this.#invite.valid) {
      this.#failed(failure('bad-request', 'not a SIP URI'));
      return;
    }
    this.#after(this.#options.invite.noAnswerSeconds * 1000, () => this.#nobodyAnswered());
    try {
      this.address = await this.#options.localAddress();
    } catch (error) {
      this.#failed(failure('phone-unreachable', String(error)));
      return;
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
    if (state === 'calling') this.#withdraw(why);
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

  /** The connection to the drachtio-server is gone: the peer cannot be told anything any more. */
  orphaned(): void {
    this.abort();
    this.#forget();
    this.finish(failure('phone-failed', 'the drachtio-server of this call is gone'));
  }

  #send(): void {
    if (this.#state === 'over') {
      this.settle();
      return;
    }
    const { session } = this.#options;
    if (session === undefined) {
      this.#failed(failure('phone-unreachable', 'not attached to any drachtio-server'));
      return;
    }
    this.#state = 'calling';
    this.#earlyDialogs.clear();
    this.#attempt += 1;
    const attempt = this.#attempt;
    this.#cancel = session.request(this.#invite.next(), {
      response: (response, dialogId, acknowledge) => {
        if (attempt !== this.#attempt) {
          this.#late(session, response, dialogId, acknowledge);
          return;
        }
        clearTimeout(this.#silence);
        if (response.status < 200) this.#progress(response, acknowledge);
        else if (response.status < 300) this.#accepted(response, dialogId, acknowledge);
        else this.#rejected(response);
      },
      failed: (why) => {
        if (attempt !== this.#attempt) return;
        if (this.#state !== 'calling') this.settle();
        else this.#unreachable(failure('phone-unreachable', why));
      },
    });
    if (this.#invite.hasAlternative || this.#options.invite.impatient === true)
      this.#silence = setTimeout(() => this.#giveUp(), patience * this.#options.t1);
  }

  /** Another server, or another account, takes the call; drachtio-server sends the CANCEL when this one says something at last. */
  #giveUp(): void {
    if (this.#heard || this.#state !== 'calling') return;
    const why = failure('phone-unreachable', 'no answer');
    this.#cancel?.([reasonLine(failure('cancelled'))]);
    this.#attempt += 1;
    this.#unreachable(why);
  }

  /** An INVITE that was given up is answered after all. */
  #late(
    session: DrachtioSession,
    response: SipResponse,
    dialogId: string | undefined,
    acknowledge: () => void,
  ): void {
    if (response.status < 200 || response.status >= 300) return;
    acknowledge();
    if (dialogId !== undefined) void this.#makeLeg(session, dialogId, response).bye(failure('cancelled'));
  }

  #progress(response: SipResponse, acknowledge: () => void): void {
    this.#heard = true;
    this.#invite.heard();
    if (this.#state !== 'calling' || response.status === 100) return;
    this.#earlyDialogs.note(response);
    // RFC 3262 §4: we do not offer 100rel, but a peer that sends reliably all the same would otherwise give up.
    if (response.headers.get('rseq') !== undefined) acknowledge();
    const sdp = sdpOf(response);
    if (sdp !== undefined) this.#earlySdp = sdp;
    if (response.status !== 199) this.tell('ringing', sdp);
  }

  #accepted(response: SipResponse, dialogId: string | undefined, acknowledge: () => void): void {
    acknowledge();
    const { session } = this.#options;
    if (session === undefined || dialogId === undefined) {
      this.#failed(failure('phone-failed', `${response.status} without a dialog`));
      return;
    }
    const leg = this.#makeLeg(session, dialogId, response);
    if (this.#state !== 'calling') {
      // Answered while we cancelled (RFC 3261 §9.1). The server may have said BYE already; ours then fails without harm.
      leg.bye(failure('hangup')).finally(() => this.settle());
      return;
    }
    this.#clearTimers();
    this.#state = 'answered';
    this.leg = leg;
    this.#options.dialogs.add(leg);
    const sdp = sdpOf(response) ?? this.#earlySdp;
    if (sdp === undefined) this.end(failure('phone-failed', '200 without SDP'));
    else this.tell('answered', sdp);
  }

  #rejected(response: SipResponse): void {
    const { status, reason, headers } = response;
    if (status !== 503) this.#invite.heard();
    if (this.#state !== 'calling') this.settle();
    else if (this.#invite.authorize(response)) this.#send();
    else {
      if (status < 400) this.#invite.redirected(headers);
      const why = endingOfStatus(status, reason, headers);
      // Only 503 is about the server; any other refusal is the answer of the one who was called.
      if (status === 503) this.#unreachable(why, retryAfterSeconds(headers));
      else if (status < 600) this.#tryElsewhere(why);
      else this.#failed(why);
    }
  }

  #unreachable(why: Failure, waitSeconds = 0): void {
    clearTimeout(this.#silence);
    this.#heard = false;
    // Without the drachtio-server nothing is known about the peer.
    const attached = this.#options.session?.open === true;
    if (attached) this.#invite.unheard(waitSeconds);
    if (attached && this.#invite.failOver()) this.#send();
    else this.#tryElsewhere(why);
  }

  /** Goes on with the next target that a redirect named (RFC 3261 §8.1.3.4); without one the call ends. */
  #tryElsewhere(why: Failure): void {
    if (this.#invite.redirect()) this.#send();
    else this.#failed(why);
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

  /** The server holds the CANCEL back until a provisional response came (RFC 3261 §9.1). */
  #withdraw(why: Failure): void {
    this.#cancel?.([reasonLine(why)]);
    this.#after(64 * this.#options.t1, () => this.settle());
    this.settled.then(() => this.#clearTimers());
  }

  #bye(why: Failure): void {
    const gone = this.leg?.bye(why) ?? Promise.resolve();
    gone.finally(() => {
      this.#forget();
      this.settle();
    });
  }

  #makeLeg(session: DrachtioSession, dialogId: string, accepted: SipResponse): DrachtioDialog {
    return new DrachtioDialog({
      session,
      dialogId,
      digest: this.#invite.digest,
      ownsCallId: true,
      tags: tagsOf(accepted, accepted.from, accepted.to),
      t1: this.#options.t1,
      listener: {
        acknowledged: () => {},
        reacknowledged: (sdp) => this.tell('reanswered', sdp),
        reoffer: (sdp, respond) => this.tell('reoffer', sdp, respond),
        info: (contentType, body) => this.tell('info', contentType, body),
        transfer: (transfer) => this.transferAsked(transfer),
        lost: (why, byPeer) => this.#lost(why, byPeer),
      },
    });
  }

  #lost(why: Failure, byPeer: boolean): void {
    if (this.#state !== 'answered') return;
    if (!byPeer) {
      this.end(why);
      return;
    }
    this.abort();
    this.#forget();
    this.finish(why);
  }

  #forget(): void {
    if (this.leg !== undefined) this.#options.dialogs.remove(this.leg);
  }

  #after(ms: number, act: () => void): void {
    this.#timers.add(setTimeout(act, ms));
  }

  #clearTimers(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    clearTimeout(this.#silence);
  }
}
