import { headerLine } from './header-line.ts';
import type { Headers } from './message.ts';

/** What both sides of a dialog agreed on (RFC 4028): without a refresh in `seconds` it is over. */
export interface SessionTerms {
  readonly seconds: number;
  readonly weRefresh: boolean;
}

/** Least interval that we accept: what RFC 4028 §4 calls the least sensible one. */
export const leastSeconds = 90;

/** Header lines of our own INVITE, re-INVITE or UPDATE (RFC 4028 §7.1). `minimum` is what a 422 asked for. */
export function askLines(seconds: number, minimum: number, weRefresh: boolean | undefined): string[] {
  const refresher = weRefresh === undefined ? '' : `;refresher=${weRefresh ? 'uac' : 'uas'}`;
  const lines = [headerLine('Session-Expires', `${Math.max(seconds, minimum)}${refresher}`)];
  return minimum > leastSeconds ? [...lines, headerLine('Min-SE', String(minimum))] : lines;
}

/** What a 2xx to our request agreed to; undefined: the session does not expire (RFC 4028 §7.2). */
export function termsOfAnswer(headers: Headers): SessionTerms | undefined {
  const { seconds, refresher } = sessionExpires(headers);
  return seconds === undefined ? undefined : { seconds, weRefresh: refresher !== 'uas' };
}

/** The interval that a 422 asks for (RFC 4028 §7.3); undefined when it names none that can be met. */
export function minimumOf(headers: Headers): number | undefined {
  const minimum = wholeSeconds(headers.get('min-se'));
  return minimum === undefined || minimum > 86_400 ? undefined : minimum;
}

/** True when a request asks for less than we can serve and would understand a 422 (RFC 4028 §9). */
export function isTooBrief(headers: Headers): boolean {
  const { seconds } = sessionExpires(headers);
  return seconds !== undefined && seconds < leastSeconds && understandsTimers(headers);
}

/**
 * Our answer to a request that sets up or refreshes a session (RFC 4028 §9, table 2). We refresh ourselves whenever the peer
 * leaves the choice: then the call does not depend on another one's timer.
 */
export function acceptTerms(
  headers: Headers,
  wanted: number,
): { readonly terms: SessionTerms; readonly lines: string[] } | undefined {
  const asked = sessionExpires(headers);
  const understands = understandsTimers(headers);
  if (asked.seconds === undefined && (!understands || wanted === 0)) return undefined;
  const minimum = Math.max(leastSeconds, wholeSeconds(headers.get('min-se')) ?? 0);
  const seconds = Math.max(minimum, Math.min(asked.seconds ?? wanted, wanted || Number.POSITIVE_INFINITY));
  const weRefresh = !(understands && asked.refresher === 'uac');
  const lines = [headerLine('Session-Expires', `${seconds};refresher=${weRefresh ? 'uas' : 'uac'}`)];
  // A peer that must refresh has to know that it must; one that does not know timers would refuse the word.
  if (!weRefresh) lines.push(headerLine('Require', 'timer'));
  return { terms: { seconds, weRefresh }, lines };
}

function understandsTimers(headers: Headers): boolean {
  const options = [...headers.list('supported'), ...headers.list('require')];
  return options.some((option) => option.toLowerCase() === 'timer');
}

function sessionExpires(headers: Headers): { seconds: number | undefined; refresher: string | undefined } {
  const value = headers.get('session-expires');
  return {
    seconds: wholeSeconds(value),
    refresher: /;\s*refresher\s*=\s*"?(uac|uas)/i.exec(value ?? '')?.[1]?.toLowerCase(),
  };
}

function wholeSeconds(value: string | undefined): number | undefined {
  const digits = /^\s*(\d{1,9})\s*(?:;|$)/.exec(value ?? '')?.[1];
  return digits === undefined || Number(digits) === 0 ? undefined : Number(digits);
}

export interface SessionTimerOptions {
  /** Sends a refresh. `dead`: the peer knows no such call, or never answered. `refused`: it may be tried again. */
  readonly refresh: () => Promise<'refreshed' | 'refused' | 'dead'>;
  readonly expired: () => void;
  /** Milliseconds in a second: less in tests. */
  readonly secondMs: number;
}

/** Counts one agreed interval after the other; each refresh, from either side, starts anew. */
export class SessionTimer {
  readonly #options: SessionTimerOptions;
  #refreshing: NodeJS.Timeout | undefined;
  #expiring: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: SessionTimerOptions) {
    this.#options = options;
  }

  /** A new interval begins; undefined: none is counted any more. */
  begin(terms: SessionTerms | undefined): void {
    this.#clear();
    if (terms === undefined || this.#stopped) return;
    const { secondMs } = this.#options;
    const ms = terms.seconds * secondMs;
    // RFC 4028 §10: the refresher at half of it; who waits says BYE a little before the end.
    if (terms.weRefresh) this.#refreshIn(ms / 2);
    const early = terms.weRefresh ? 0 : Math.min(32 * secondMs, ms / 3);
    this.#expiring = setTimeout(() => this.#expire(), clamp(ms - early)).unref();
  }

  stop(): void {
    this.#stopped = true;
    this.#clear();
  }

  #refreshIn(ms: number): void {
    clearTimeout(this.#refreshing);
    this.#refreshing = setTimeout(() => {
      this.#options.refresh().then(
        (outcome) => {
          if (outcome === 'dead') this.#expire();
          else if (outcome === 'refused' && !this.#stopped)
            this.#refreshIn(Math.max(ms / 2, this.#options.secondMs));
        },
        () => this.#expire(),
      );
    }, clamp(ms)).unref();
  }

  #expire(): void {
    if (this.#stopped) return;
    this.stop();
    this.#options.expired();
  }

  #clear(): void {
    clearTimeout(this.#refreshing);
    clearTimeout(this.#expiring);
  }
}

/** Longest time that a Node timer can count. */
function clamp(ms: number): number {
  return Math.min(ms, 2 ** 31 - 1);
}
