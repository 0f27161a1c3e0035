import { type Digit, dtmfDigits } from './dtmf-event.ts';

/** What goes out in one tick of 20 ms instead of audio. Undefined `event`: a pause between digits. */
export interface DtmfStep {
  readonly event: { readonly code: number; readonly end: boolean; readonly duration: number } | undefined;
  /** First packet of a press: it gets the marker, and its timestamp is that of the whole press. */
  readonly isFirst: boolean;
  /** Milliseconds from the beginning of the press to the timestamp of this packet: not 0 only in very long presses. */
  readonly offsetMs: number;
}

const tickMs = 20;
/** ITU-T Q.24: 40 ms is recognised by everybody; what is longer than this is a key that got stuck. */
const shortestMs = 60;
const longestMs = 10_000;
/** The last packet is sent three times (RFC 4733 §2.5.1.4). */
const ends = 3;
/** Ticks of nothing after the ends, so that in-band receivers behind the peer hear a pause. */
const pauseTicks = 3;
const commaTicks = 50;
const maximumQueue = 64;
const longestDuration = 0xffff;

/** Turns digits into RFC 4733 packets, one each 20 ms, one digit after the other. */
export class DtmfSender {
  readonly #clockRate: number;
  readonly #queue: Digit[] = [];
  #ticks = 0;
  #pause = 0;

  /** `clockRate` of the telephone-event. */
  constructor(clockRate: number) {
    this.#clockRate = clockRate;
  }

  get isBusy(): boolean {
    return this.#queue.length > 0 || this.#pause > 0;
  }

  /** Takes a digit, or a comma for a pause of a second. False when too many are waiting already. */
  add(digit: Digit): boolean {
    if (this.#queue.length >= maximumQueue) return false;
    this.#queue.push(digit);
    return true;
  }

  /** The next 20 ms; undefined: nothing to send, audio goes on. */
  next(): DtmfStep | undefined {
    if (this.#pause > 0) {
      this.#pause -= 1;
      return pause;
    }
    const digit = this.#queue[0];
    if (digit === undefined) return undefined;
    const code = dtmfDigits.indexOf(digit.digit);
    if (code < 0) {
      this.#done(commaTicks - 1);
      return pause;
    }
    return this.#step(code, digit.durationMs);
  }

  #step(code: number, durationMs: number): DtmfStep {
    const length = Math.ceil(Math.min(Math.max(durationMs, shortestMs), longestMs) / tickMs);
    this.#ticks += 1;
    const elapsed = (Math.min(this.#ticks, length) * tickMs * this.#clockRate) / 1000;
    // A duration has 16 bits: a longer press goes on as a new segment (RFC 4733 §2.5.1.3).
    const segment = Math.floor((elapsed - 1) / longestDuration) * longestDuration;
    const step = {
      event: { code, end: this.#ticks >= length, duration: elapsed - segment },
      isFirst: this.#ticks === 1,
      offsetMs: (segment * 1000) / this.#clockRate,
    };
    if (this.#ticks >= length + ends - 1) this.#done(pauseTicks);
    return step;
  }

  #done(pauseAfter: number): void {
    this.#queue.shift();
    this.#ticks = 0;
    this.#pause = pauseAfter;
  }
}

const pause: DtmfStep = { event: undefined, isFirst: false, offsetMs: 0 };
