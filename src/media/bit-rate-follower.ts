import type { AudioRate } from './audio-coding.ts';

/** Bits in a second: what an encoder begins with, and what its in-band FEC needs at least (libopus gives it up below). */
const bounds: Readonly<Record<AudioRate, { readonly best: number; readonly least: number }>> = {
  8000: { best: 16_000, least: 12_000 },
  16000: { best: 24_000, least: 18_000 },
  48000: { best: 32_000, least: 24_000 },
};
/** Loss that is expected in any case, percent: the way behind the reporter may lose too. */
const leastLoss = 5;
/** Above this the way is too narrow, as far as one can know. */
const congestedLoss = 10;
const longestReported = 40;
const fall = 0.85;
const rise = 1.05;
/** Part of the old loss that is kept when a report says less: one good report is no good way yet. */
const memory = 0.8;

/**
 * What an Opus encoder does about receiver reports: it expects the loss that was reported (more FEC), at once when it grows and slowly
 * when it falls; and lowers its bit rate while the way looks congested.
 */
export class BitRateFollower {
  expectedLoss = leastLoss;
  bitRate: number;
  readonly #best: number;
  readonly #least: number;

  /** `best` replaces the bit rate of the sample rate. */
  constructor(rate: AudioRate, best = bounds[rate].best) {
    this.#best = best;
    this.#least = Math.min(best, bounds[rate].least);
    this.bitRate = best;
  }

  /** Takes the loss of one report, percent. */
  report(percent: number): void {
    const loss = Math.min(Math.max(percent, 0), longestReported);
    this.expectedLoss = Math.max(loss, this.expectedLoss * memory, leastLoss);
    if (loss > congestedLoss) this.bitRate = Math.max(this.#least, Math.round(this.bitRate * fall));
    else if (loss <= leastLoss) this.bitRate = Math.min(this.#best, Math.round(this.bitRate * rise));
  }
}
