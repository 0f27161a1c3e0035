import { EventEmitter } from 'node:events';
import type { SipAccount } from '../config/config.ts';
import { type Failure, fail, failure, type Result } from '../errors.ts';
import type { Log } from '../log.ts';
import type { SipCall, SipCallEvents, TransferRequest } from './engine.ts';
import { withoutControls } from './header-line.ts';
import type { DialogTags } from './refer-replaces.ts';

export interface CallParts {
  readonly log: Log;
  readonly account: SipAccount;
  readonly callId: string;
  readonly remote: SipCall['remote'];
  readonly localAddress: string;
  /** The call that this one replaces. */
  readonly replaces?: SipCall | undefined;
}

/** Our requests inside an answered dialog. */
export interface CallLeg {
  reinvite(sdp: string): Promise<Result<string>>;
  info(contentType: string, body: string): Promise<Result<number>>;
  refer(target: string): Promise<Result<number>>;
  /** Undefined as long as it is not known to be confirmed. */
  readonly tags: DialogTags | undefined;
}

/** What the calls of both engines share: identity, events, and the verbs of an answered call. */
export abstract class BaseCall extends EventEmitter<SipCallEvents> implements SipCall {
  abstract readonly direction: 'in' | 'out';
  abstract readonly offer: string | undefined;
  abstract readonly takesEarlyMedia: boolean;
  readonly account: SipAccount;
  readonly callId: string;
  readonly remote: SipCall['remote'];
  readonly replaces: SipCall | undefined;
  /** Resolves when nothing of the call is left on the wire. */
  readonly settled: Promise<void>;
  protected readonly log: Log;
  protected readonly settle: () => void;
  protected abstract readonly leg: CallLeg | undefined;
  protected address: string;
  #ended = false;

  constructor(parts: CallParts) {
    super();
    this.account = parts.account;
    this.callId = parts.callId;
    this.remote = parts.remote;
    this.replaces = parts.replaces;
    this.address = parts.localAddress;
    this.log = parts.log.child({ sipCallId: withoutControls(parts.callId).slice(0, 128) });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.settled = promise;
    this.settle = resolve;
  }

  get localAddress(): string {
    return this.address;
  }

  get isOver(): boolean {
    return this.#ended;
  }

  abstract header(name: string): string | undefined;
  abstract ring(): void;
  abstract early(sdp: string): void;
  abstract answer(sdp: string): void;
  abstract end(why: Failure): void;
  /** The engine stops: gives up everything that the call still waits for. */
  abstract abort(): void;

  async reinvite(sdp: string): Promise<Result<string>> {
    if (this.#ended || this.leg === undefined) return fail('hangup', 'no dialog');
    return this.leg.reinvite(sdp);
  }

  async info(contentType: string, body: string): Promise<Result<number>> {
    if (this.#ended || this.leg === undefined) return fail('hangup', 'no dialog');
    return this.leg.info(contentType, body);
  }

  async refer(target: string): Promise<Result<number>> {
    if (this.#ended || this.leg === undefined) return fail('hangup', 'no dialog');
    return this.leg.refer(target);
  }

  /** What a Replaces header names the dialog by; undefined: it is not answered, or over. */
  get dialogTags(): DialogTags | undefined {
    return this.#ended ? undefined : this.leg?.tags;
  }

  /** As `dialogTags`, of the dialogs that are not answered yet, as far as they may be replaced: those that we opened (RFC 3891 §3). */
  get earlyTags(): readonly DialogTags[] {
    return [];
  }

  /** The peer asks for a transfer. */
  protected transferAsked(transfer: TransferRequest): void {
    if (this.#ended || this.listenerCount('refer') === 0) transfer.refuse(failure('phone-rejected'));
    else this.tell('refer', transfer);
  }

  /** A listener's exception is a bug of that listener; it must not reach a transaction or a socket. */
  protected tell<K extends keyof SipCallEvents>(event: K, ...values: SipCallEvents[K]): void {
    try {
      (this as EventEmitter).emit(event, ...values);
    } catch (error) {
      this.log.error({ err: error, event }, 'a listener of a SIP call failed');
      if (event !== 'ended') this.end(failure('internal'));
    }
  }

  /** Marks the call as over and says so once; false when it was over already. */
  protected finish(why: Failure): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    queueMicrotask(() => this.tell('ended', why));
    return true;
  }
}
