import { EventEmitter } from 'node:events';
import { type Failure, failure } from '../errors.ts';
import type { Log } from '../log.ts';
import { endingOfStatus } from './ending-of-status.ts';
import type { Registration, RegistrationEvents } from './engine.ts';
import { retryAfterSeconds } from './header-text.ts';
import type { SipResponse } from './message.ts';
import { parseNameAddr } from './name-addr.ts';

/** The final answer to a request outside of a dialog; no response: nobody answered, or it could not be sent. */
export interface SipAnswer {
  readonly response: SipResponse | undefined;
  /** Why there is no response. */
  readonly fault: string;
}

export interface RegistrationOptions {
  readonly expiresSeconds: number;
  /**
   * Longest time between two REGISTERs. A registrar that lost its table says nothing by itself and grants what it granted
   * before; the refresh is at the same time the question and the remedy, and costs it no more than a query would.
   */
  readonly checkSeconds?: number;
  /** Sends REGISTER (0: unregister), answers challenges, and gives the final answer with the Contact it sent. */
  readonly send: (expiresSeconds: number) => Promise<SipAnswer & { readonly contact: string }>;
  readonly log: Log;
  /** 0 to 1; for tests. */
  readonly random?: () => number;
}

const firstRetryMs = 1_000;
const longestRetryMs = 60_000;
/** A registrar that does not answer is down, not annoyed: we are there soon after it has come back. */
const longestSilenceMs = 4_000;
const usualCheckSeconds = 25;
/** A registrar may ask us to stay away longer than our own back-off would (RFC 3261 §20.33), within reason. */
const longestRetryAfterMs = 3_600_000;
const unregisterMs = 2_000;

/** Keeps one account registered for ever (RFC 3261 §10.2): refreshes in time, retries with back-off and jitter. */
export class RegistrationLoop extends EventEmitter<RegistrationEvents> implements Registration {
  readonly #options: RegistrationOptions;
  #state: Registration['state'] = 'registering';
  #expires: number;
  #failures = 0;
  #failure: Failure | undefined;
  #timer: NodeJS.Timeout | undefined;
  #granted: number | undefined;
  #asking = false;
  #askAgain = false;

  constructor(options: RegistrationOptions) {
    super();
    this.#options = options;
    this.#expires = options.expiresSeconds;
  }

  get state(): Registration['state'] {
    return this.#state;
  }

  get failure(): Failure | undefined {
    return this.#failure;
  }

  start(): void {
    this.#plan(0);
  }

  /** Registers now: our address or the connection to the registrar changed. A failure's wait is not cut short. */
  refresh(): void {
    if (this.#asking) this.#askAgain = true;
    else if (this.#state === 'registered') this.#plan(0);
  }

  async stop(): Promise<void> {
    if (this.#state === 'stopped') return;
    const wasRegistered = this.#state === 'registered';
    this.#state = 'stopped';
    clearTimeout(this.#timer);
    if (!wasRegistered) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, unregisterMs);
    this.#options.send(0).then(
      () => resolve(),
      () => resolve(),
    );
    await promise;
    clearTimeout(timer);
  }

  #plan(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#register(), ms);
  }

  async #register(): Promise<void> {
    this.#asking = true;
    this.#askAgain = false;
    const answer = await this.#options.send(this.#expires).catch((error) => ({
      response: undefined,
      fault: String(error),
      contact: '',
    }));
    this.#asking = false;
    if (this.#state === 'stopped') return;
    const { response } = answer;
    if (response !== undefined && response.status < 300) return this.#registered(response, answer.contact);
    if (response?.status === 423 && this.#raiseExpires(response)) return this.#plan(0);
    this.#failed(answer);
  }

  #registered(response: SipResponse, contact: string): void {
    const granted = grantedSeconds(response, contact) ?? this.#expires;
    const news = this.#state !== 'registered' || granted !== this.#granted;
    this.#failures = 0;
    this.#failure = undefined;
    this.#state = 'registered';
    this.#granted = granted;
    const { checkSeconds = usualCheckSeconds } = this.#options;
    const seconds = Math.min(granted * 0.85, checkSeconds);
    // Early enough for a second try, spread so that not all gateways come at once.
    this.#plan(this.#askAgain ? 0 : Math.max(1_000, seconds * 1000 * (0.88 + 0.12 * this.#random())));
    if (news) this.#tell('registered', granted);
  }

  /** RFC 3261 §10.2.8; false when the registrar's minimum does not help. */
  #raiseExpires(response: SipResponse): boolean {
    const least = Number(response.headers.get('min-expires'));
    if (!Number.isInteger(least) || least <= this.#expires || least > 2 ** 31) return false;
    this.#expires = least;
    return true;
  }

  #failed(answer: SipAnswer): void {
    this.#state = 'failed';
    this.#failures += 1;
    const longest = answer.response === undefined ? longestSilenceMs : longestRetryMs;
    const backoff = Math.min(longest, firstRetryMs * 2 ** Math.min(10, this.#failures - 1));
    const retryMs = Math.max(backoff * (0.75 + 0.25 * this.#random()), retryAfterMs(answer.response));
    this.#plan(retryMs);
    this.#failure = reasonOf(answer);
    this.#tell('failed', this.#failure, Math.round(retryMs));
  }

  #tell<K extends keyof RegistrationEvents>(event: K, ...values: RegistrationEvents[K]): void {
    try {
      (this as EventEmitter).emit(event, ...values);
    } catch (error) {
      this.#options.log.error({ err: error }, 'a listener of the registration failed');
    }
  }

  #random(): number {
    return (this.#options.random ?? Math.random)();
  }
}

function reasonOf(answer: SipAnswer): Failure {
  const { response } = answer;
  if (response === undefined) return failure('phone-unreachable', answer.fault);
  const why = endingOfStatus(response.status, response.reason, response.headers);
  // The registrar's 403 is about us, not about a phone that declined.
  return response.status === 403 ? { ...why, code: 'phone-unauthorized' } : why;
}

function retryAfterMs(response: SipResponse | undefined): number {
  const seconds = response === undefined ? 0 : retryAfterSeconds(response.headers);
  return Math.min(longestRetryAfterMs, seconds * 1000);
}

/** What the registrar granted: `expires` of our own Contact, else the Expires header (RFC 3261 §10.2.4). */
function grantedSeconds(response: SipResponse, contact: string): number | undefined {
  const own = parseNameAddr(contact)?.uri;
  const granted = response.headers
    .list('contact')
    .map((value) => parseNameAddr(value))
    .find(
      (value) =>
        value?.uri.user === own?.user && value?.uri.host === own?.host && value?.uri.port === own?.port,
    );
  const text = granted?.parameters.get('expires') ?? response.headers.get('expires');
  return text !== undefined && /^\d{1,9}$/.test(text) && text !== '0' ? Number(text) : undefined;
}
