import type { AudioRate } from './audio-coding.ts';
import type { Digit } from './dtmf-event.ts';

/** Hertz of the rows and columns of the keypad (ITU-T Q.23). */
export const dtmfRows = [697, 770, 852, 941] as const;
export const dtmfColumns = [1209, 1336, 1477, 1633] as const;

const keypad = '123A456B789C*0#D';

/** The two tones of a digit; undefined when it is none. */
export function dtmfFrequencies(digit: string): readonly [number, number] | undefined {
  const key = digit.length === 1 ? keypad.indexOf(digit) : -1;
  const [row, column] = [dtmfRows[key >> 2], dtmfColumns[key & 3]];
  return key < 0 || row === undefined || column === undefined ? undefined : [row, column];
}

const windowMs = 20;
const hopMs = 10;
/** Two windows in a row make a key, two without it end the press (Q.24: 40 ms must be recognised, 20 ms must not). */
const neededWindows = 2;
/** The two tones make up this part of the energy at least: speech rarely does. */
const neededPurity = 0.7;
/** −36 dBov for both tones together. */
const quietest = 32768 ** 2 * 10 ** (-36 / 10);
/** Level difference between the tones, either way: 8 dB. */
const twist = 10 ** 0.8;
/** A tone stands out from its neighbours in the same group by 6 dB. */
const prominence = 4;

/**
 * Hears DTMF in audio (ITU-T Q.24), for phones that negotiated nothing better. Looks at 20 ms at a time, every 10 ms, with one Goertzel
 * filter for each tone.
 */
export class DtmfDetector {
  readonly #window: Int16Array;
  readonly #hop: number;
  readonly #onDigit: (digit: Digit) => void;
  readonly #coefficients: Float64Array;
  readonly #powers = new Float64Array(8);
  #candidate: string | undefined;
  #seen = 0;
  #missed = 0;
  #pressed: string | undefined;

  constructor(rate: AudioRate, onDigit: (digit: Digit) => void) {
    this.#window = new Int16Array((rate / 1000) * windowMs);
    this.#hop = (rate / 1000) * hopMs;
    this.#onDigit = onDigit;
    this.#coefficients = Float64Array.from(
      [...dtmfRows, ...dtmfColumns],
      (hertz) => 2 * Math.cos((2 * Math.PI * hertz) / rate),
    );
  }

  /** A key is down now. */
  get isPressed(): boolean {
    return this.#pressed !== undefined;
  }

  /** Takes 20 ms. */
  hear(frame: Int16Array): void {
    for (let at = 0; at + this.#hop <= frame.length; at += this.#hop) {
      this.#window.copyWithin(0, this.#hop);
      this.#window.set(frame.subarray(at, at + this.#hop), this.#window.length - this.#hop);
      this.#judge(this.#digit());
    }
  }

  #judge(digit: string | undefined): void {
    if (this.#pressed !== undefined) {
      this.#missed = digit === this.#pressed ? 0 : this.#missed + 1;
      this.#seen += 1;
      if (this.#missed < neededWindows) return;
      this.#onDigit({ digit: this.#pressed, durationMs: (this.#seen - this.#missed + 1) * hopMs });
      this.#pressed = undefined;
    }
    this.#seen = digit === undefined ? 0 : digit === this.#candidate ? this.#seen + 1 : 1;
    this.#candidate = digit;
    if (digit === undefined || this.#seen < neededWindows) return;
    this.#pressed = digit;
    this.#missed = 0;
  }

  #digit(): string | undefined {
    const energy = this.#measure();
    if (energy < quietest) return undefined;
    const [row, column] = [this.#loudest(0), this.#loudest(4)];
    if (row < 0 || column < 0) return undefined;
    const [low, high] = [this.#powers[row] as number, this.#powers[column] as number];
    if (low > high * twist || high > low * twist || low + high < energy * neededPurity) return undefined;
    return keypad[row * 4 + column - 4];
  }

  /** Power of each tone and, as the answer, of everything, on one scale: mean square. */
  #measure(): number {
    const window = this.#window;
    let energy = 0;
    for (let at = 0; at < window.length; at += 1) energy += (window[at] as number) ** 2;
    for (let tone = 0; tone < 8; tone += 1) this.#powers[tone] = this.#goertzel(tone);
    return energy / window.length;
  }

  #goertzel(tone: number): number {
    const window = this.#window;
    const coefficient = this.#coefficients[tone] as number;
    let [last, before] = [0, 0];
    for (let at = 0; at < window.length; at += 1) {
      const next = (window[at] as number) + coefficient * last - before;
      before = last;
      last = next;
    }
    return (2 * (last * last + before * before - coefficient * last * before)) / window.length ** 2;
  }

  /** Index of the tone that stands out in the group of four that begins at `first`; −1: none does. */
  #loudest(first: number): number {
    let best = first;
    for (let tone = first + 1; tone < first + 4; tone += 1) {
      if ((this.#powers[tone] as number) > (this.#powers[best] as number)) best = tone;
    }
    for (let tone = first; tone < first + 4; tone += 1) {
      if (tone !== best && (this.#powers[tone] as number) * prominence > (this.#powers[best] as number))
        return -1;
    }
    return best;
  }
}
