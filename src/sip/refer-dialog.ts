import { type Failure, fail, ok, type Result } from '../errors.ts';
import { endingOfStatus } from './ending-of-status.ts';
import type { TransferRequest } from './engine.ts';
import { headerLine } from './header-line.ts';
import type { SipRequest, SipResponse } from './message.ts';
import { refusalOf } from './reason-header.ts';
import { sipfrag, sipfragType, statusOfSipfrag } from './refer-sipfrag.ts';
import { type ReferTarget, referTarget } from './refer-target.ts';

export interface ReferDialogOptions {
  /** Sends a request in the dialog; undefined: no answer, or it could not be sent. */
  readonly send: (request: ReferMessage) => Promise<SipResponse | undefined>;
  /** The peer asks for a transfer. */
  readonly asked: (transfer: TransferRequest) => void;
}

export interface ReferMessage {
  readonly method: 'REFER' | 'NOTIFY';
  readonly lines: readonly string[];
  readonly contentType: string | undefined;
  readonly body: string;
}

export type Respond = (status: number, phrase: string, lines?: readonly string[]) => void;

/** So long a transfer may take, in either direction, seconds. */
const longestTransfer = 180;
/** So long a BYE waits for NOTIFYs. */
const tellingMs = 1_000;

/**
 * Transfers inside one dialog, in both directions (RFC 3515), one each at a time: a REFER beside one that is still under way is
 * refused with 491.
 */
export class ReferDialog {
  readonly #options: ReferDialogOptions;
  #incoming: IncomingTransfer | undefined;
  #told: ((outcome: Result<number>) => void) | undefined;
  #refers = 0;
  #closed = false;

  constructor(options: ReferDialogOptions) {
    this.#options = options;
  }

  receiveRefer({ headers, cseq }: SipRequest, respond: Respond): void {
    const asked = referTarget(headers);
    if (!asked.ok) respond(asked.status, asked.phrase);
    else if (this.#closed) respond(481, 'Call/Transaction Does Not Exist');
    else if (this.#incoming?.open === true) respond(491, 'Request Pending');
    else {
      this.#refers += 1;
      // RFC 3515 §2.4.6: from the second on they are told apart by the CSeq of their REFER.
      const event = this.#refers === 1 ? 'refer' : `refer;id=${cseq}`;
      const { send } = this.#options;
      this.#incoming = new IncomingTransfer(asked, { respond, event, send });
      this.#options.asked(this.#incoming);
    }
  }

  /** RFC 6665 §4.1.3: without a REFER of ours there is no subscription. */
  receiveNotify(request: SipRequest, respond: Respond): void {
    const event = request.headers.get('event')?.split(';')[0]?.trim().toLowerCase();
    if (event !== 'refer') {
      respond(489, 'Bad Event', [headerLine('Allow-Events', 'refer')]);
      return;
    }
    const tell = this.#told;
    if (tell === undefined) {
      respond(481, 'Subscription does not exist');
      return;
    }
    respond(200, 'OK');
    const status = statusOfSipfrag(request);
    const over = /^\s*terminated\b/i.test(request.headers.get('subscription-state') ?? '');
    if (status !== undefined && status >= 200) tell(ok(status));
    else if (over) tell(fail('phone-failed', 'the peer tells no outcome of the transfer'));
  }

  async refer(target: string): Promise<Result<number>> {
    if (this.#closed) return fail('hangup', 'the call is over');
    if (this.#told !== undefined) return fail('bad-request', 'another transfer is still under way');
    const { promise, resolve } = Promise.withResolvers<Result<number>>();
    this.#told = resolve;
    const giveUp = (): void => resolve(fail('phone-no-answer', 'the outcome of the transfer was never told'));
    const timer = setTimeout(giveUp, longestTransfer * 1_000).unref();
    const lines = [headerLine('Refer-To', `<${target}>`)];
    const asked = this.#options.send({ method: 'REFER', lines, contentType: undefined, body: '' });
    asked.then((response) => {
      const answer = answerToRefer(response);
      if (answer !== undefined) resolve(answer);
    });
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#told = undefined;
    }
  }

  /**
   * Resolves when the peer has heard everything about its transfer, or was given time to: a BYE that came before would leave it
   * without the outcome. Undefined: nothing is left to be told.
   */
  get untold(): Promise<void> | undefined {
    const sending = this.#incoming?.sending;
    if (sending === undefined) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, tellingMs);
    return Promise.race([sending, promise]).finally(() => clearTimeout(timer));
  }

  /** The dialog is over, and with it what goes on in it. */
  close(): void {
    this.#closed = true;
    this.#incoming?.close();
    this.#told?.(fail('hangup', 'the call ended before the outcome of the transfer was told'));
  }
}

/** Undefined: accepted, and NOTIFYs follow. */
function answerToRefer(response: SipResponse | undefined): Result<number> | undefined {
  if (response === undefined) return fail('phone-unreachable', 'no answer to REFER');
  const { status, reason, headers } = response;
  if (status >= 300) return { ok: false, error: endingOfStatus(status, reason, headers) };
  return /^\s*false\b/i.test(headers.get('refer-sub') ?? '') ? ok(status) : undefined;
}

interface TransferParts {
  readonly respond: Respond;
  /** Value of the Event header. */
  readonly event: string;
  readonly send: ReferDialogOptions['send'];
}

/** A REFER of the peer and the subscription that it made. */
class IncomingTransfer implements TransferRequest {
  readonly target: string;
  readonly replaces: string | undefined;
  readonly referredBy: string | undefined;
  readonly #parts: TransferParts;
  readonly #subscribes: boolean;
  #state: 'asked' | 'subscribed' | 'over' = 'asked';
  /** NOTIFYs go out one after the other: overtaking would turn the outcome round. */
  #sending: Promise<void> = Promise.resolve();
  #unanswered = 0;
  #expiry: NodeJS.Timeout | undefined;

  constructor({ target, replaces, referredBy, subscribes }: ReferTarget, parts: TransferParts) {
    this.target = target;
    this.replaces = replaces;
    this.referredBy = referredBy;
    this.#subscribes = subscribes;
    this.#parts = parts;
  }

  get open(): boolean {
    return this.#state !== 'over';
  }

  /** NOTIFYs that have no answer yet. */
  get sending(): Promise<void> | undefined {
    return this.#unanswered === 0 ? undefined : this.#sending;
  }

  accept(): void {
    if (this.#state !== 'asked') return;
    this.#state = this.#subscribes ? 'subscribed' : 'over';
    this.#parts.respond(202, 'Accepted', this.#subscribes ? [] : [headerLine('Refer-Sub', 'false')]);
    if (!this.#subscribes) return;
    this.#expiry = setTimeout(() => this.#expire(), longestTransfer * 1_000).unref();
    this.#notify(`active;expires=${longestTransfer}`, sipfrag(100, 'Trying'));
  }

  refuse(why: Failure): void {
    if (this.#state !== 'asked') return;
    this.#state = 'over';
    if (refusalOf(why).status === 403) this.#parts.respond(403, 'Forbidden');
    else this.#parts.respond(603, 'Decline');
  }

  progress(status: number, reason: string): void {
    if (this.#state !== 'subscribed') return;
    if (status < 200) {
      this.#notify(`active;expires=${longestTransfer}`, sipfrag(status, reason));
      return;
    }
    this.#end();
    this.#notify('terminated;reason=noresource', sipfrag(status, reason));
  }

  /** The dialog is over: an open REFER gets 487 (RFC 3261 §15.1.2). */
  close(): void {
    const state = this.#state;
    this.#end();
    if (state === 'asked') this.#parts.respond(487, 'Request Terminated');
  }

  #expire(): void {
    this.#end();
    this.#notify('terminated;reason=timeout', sipfrag(100, 'Trying'));
  }

  #end(): void {
    this.#state = 'over';
    clearTimeout(this.#expiry);
  }

  #notify(state: string, body: string): void {
    const { event, send } = this.#parts;
    const lines = [headerLine('Event', event), headerLine('Subscription-State', state)];
    this.#unanswered += 1;
    this.#sending = this.#sending.then(async () => {
      const response = await send({ method: 'NOTIFY', lines, contentType: sipfragType, body });
      this.#unanswered -= 1;
      // RFC 6665 §4.2.2: the peer wants no more of them.
      if (response === undefined || response.status >= 300) this.#end();
    });
  }
}
