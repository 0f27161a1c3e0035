import type { PeakLimiter } from './peak-limiter.ts';

/**
 * Sums the sources of one room at one rate in 32 bits. Each listener takes the sum without its own voice, through its own limiter.
 * Per tick: `begin`, `add` for each source, `take` for each listener.
 */
export class Mixer {
  /** Sources added since `begin`. */
  sources = 0;
  readonly #sum: Int32Array;
  readonly #mix: Int32Array;

  /** `frameSamples` is the length of every frame. */
  constructor(frameSamples: number) {
    this.#sum = new Int32Array(frameSamples);
    this.#mix = new Int32Array(frameSamples);
  }

  begin(): void {
    this.#sum.fill(0);
    this.sources = 0;
  }

  add(frame: Int16Array): void {
    const sum = this.#sum;
    for (let at = 0; at < sum.length; at++) sum[at] = (sum[at] as number) + (frame[at] as number);
    this.sources += 1;
  }

  /** Writes the mix for one listener; `own` is what it added itself, undefined when it added nothing. */
  take(out: Int16Array, limiter: PeakLimiter, own?: Int16Array): void {
    if (own === undefined) {
      limiter.limit(this.#sum, out);
      return;
    }
    const mix = this.#mix;
    for (let at = 0; at < mix.length; at++) mix[at] = (this.#sum[at] as number) - (own[at] as number);
    limiter.limit(mix, out);
  }
}
