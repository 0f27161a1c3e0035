import type { SipAccount } from '../../config/config.ts';
import { type Failure, failure, type Result } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { BaseCall } from '../base-call.ts';
import { callerOf } from '../caller-identity.ts';
import { digestOf } from '../credentials.ts';
import { reasonText } from '../ending-of-status.ts';
import type { SipCall } from '../engine.ts';
import { fromWire, headerLine, withoutControls } from '../header-line.ts';
import { sdpOf } from '../message-body.ts';
import { refusalOf } from '../reason-header.ts';
import { dialogMethods } from '../served-methods.ts';
import { type DialogListener, DrachtioDialog } from './dialog.ts';
import type { DialogTable } from './dialog-table.ts';
import type { DrachtioRequest, DrachtioSession } from './session.ts';

export interface IncomingCallOptions {
  readonly request: DrachtioRequest;
  readonly account: SipAccount;
  readonly dialogs: DialogTable;
  readonly localAddress: string;
  /** The call that this one replaces. */
  readonly replaces: SipCall | undefined;
  /** The caller is a server of the account, or on its list: its word about others counts, and it may ask for our proof. */
  readonly trusted: boolean;
  readonly t1: number;
  readonly log: Log;
}

type State = 'unanswered' | 'answered' | 'acknowledged' | 'over';

/** A call that a drachtio-server gave to us. */
export class IncomingCall extends BaseCall {
  readonly direction = 'in';
  readonly offer: string | undefined;
  protected leg: DrachtioDialog | undefined;
  readonly #options: IncomingCallOptions;
  #state: State = 'unanswered';
  /** `end` came before the ACK: RFC 3261 §15 lets us say BYE only when it is there or will never come. */
  #byeQueued: Failure | undefined;

  constructor(options: IncomingCallOptions) {
    const { request, account, localAddress, log, replaces } = options;
    const { message } = request;
    const remote = callerOf(message, options.trusted);
    super({ log, account, callId: message.callId, remote, localAddress, replaces });
    this.#options = options;
    this.offer = sdpOf(message);
  }

  get session(): DrachtioSession {
    return this.#options.request.session;
  }

  /** From now on a CANCEL ends the call; to be called when its listeners are there. */
  watch(): void {
    this.#options.request.onCancel((cancel) => {
      if (this.#state !== 'unanswered') return;
      // The server has sent both final responses.
      this.#over();
      this.finish(failure('cancelled', reasonText(cancel?.headers)));
    });
  }

  get takesEarlyMedia(): boolean {
    return this.offer !== undefined && !this.#reliableOnly;
  }

  header(name: string): string | undefined {
    const value = this.#options.request.message.headers.get(name.toLowerCase());
    return value === undefined ? undefined : withoutControls(fromWire(value));
  }

  ring(): void {
    this.#progress(180, 'Ringing');
  }

  early(sdp: string): void {
    if (this.takesEarlyMedia) this.#progress(183, 'Session Progress', sdp);
  }

  answer(sdp: string): void {
    if (this.#state !== 'unanswered') return;
    this.#state = 'answered';
    const lines = [this.#contact(), allow, supported];
    const answer = { status: 200, phrase: 'OK', lines, body: sdp };
    this.#options.request.respond(answer, (sent) => this.#answered(sent));
  }

  end(why: Failure): void {
    switch (this.#state) {
      case 'unanswered': {
        const { status, phrase, lines } = refusalOf(why);
        this.#state = 'over';
        this.#options.request.respond({ status, phrase, lines }, () => this.settle());
        break;
      }
      case 'answered':
        this.#byeQueued ??= why;
        break;
      case 'acknowledged':
        this.#bye(why);
        break;
      case 'over':
        return;
    }
    this.finish(why);
  }

  override abort(): void {
    this.#over();
  }

  /** The connection to the drachtio-server is gone: the peer cannot be told anything any more. */
  orphaned(): void {
    this.#over();
    this.finish(failure('phone-failed', 'the drachtio-server of this call is gone'));
  }

  /** A peer that requires 100rel must get no provisional response that is not reliable (RFC 3262 §3): it gets 100 alone. */
  get #reliableOnly(): boolean {
    const required = this.#options.request.message.headers.list('require');
    return required.some((option) => option.toLowerCase() === '100rel');
  }

  #progress(status: number, phrase: string, body?: string): void {
    const { request } = this.#options;
    if (this.#state !== 'unanswered' || this.#reliableOnly) return;
    const lines = [this.#contact(), allow, supported];
    request.respond({ status, phrase, lines, ...(body !== undefined && { body }) });
  }

  /** The number that was called, at the server's address: it puts that in for `@localhost`. */
  #contact(): string {
    const { uri, via } = this.#options.request.message;
    const parameter = via.transport === 'UDP' ? '' : `;transport=${via.transport.toLowerCase()}`;
    return headerLine('Contact', `<sip:${uri.user ?? 'jigasi'}@localhost${parameter}>`);
  }

  #answered(sent: Result<string | undefined>): void {
    if (this.#state === 'over') return;
    if (!sent.ok || sent.value === undefined) {
      // What happens in practice: the CANCEL had come there before our 200.
      this.#over();
      this.finish(failure('cancelled', sent.ok ? undefined : sent.error.detail));
      return;
    }
    const { request, account, dialogs, t1, trusted } = this.#options;
    this.leg = new DrachtioDialog({
      session: request.session,
      dialogId: sent.value,
      // A stranger would get what it needs to guess our password.
      digest: trusted ? digestOf(account) : undefined,
      ownsCallId: false,
      tags: undefined,
      t1,
      listener: this.#listener(),
    });
    dialogs.add(this.leg);
  }

  #listener(): DialogListener {
    return {
      acknowledged: (sdp) => {
        if (this.#state !== 'answered') return;
        this.#state = 'acknowledged';
        if (this.#byeQueued !== undefined) this.#bye(this.#byeQueued);
        else this.tell('answered', this.offer === undefined ? sdp : undefined);
      },
      reacknowledged: (sdp) => this.tell('reanswered', sdp),
      reoffer: (sdp, respond) => this.tell('reoffer', sdp, respond),
      info: (contentType, body) => this.tell('info', contentType, body),
      transfer: (transfer) => this.transferAsked(transfer),
      lost: (why, byPeer) => {
        if (this.#state === 'over') return;
        if (byPeer) this.#over();
        else this.#bye(why);
        this.finish(why);
      },
    };
  }

  #bye(why: Failure): void {
    this.#state = 'over';
    const gone = this.leg?.bye(why) ?? Promise.resolve();
    gone.finally(() => this.#over());
  }

  #over(): void {
    this.#state = 'over';
    this.leg?.abort();
    if (this.leg !== undefined) this.#options.dialogs.remove(this.leg);
    this.settle();
  }
}

const allow = headerLine('Allow', dialogMethods.join(', '));
const supported = headerLine('Supported', 'replaces');
