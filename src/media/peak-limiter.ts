const CEILING = 32767;
/** The gain falls within this part of a frame, and comes back by this part of what is missing in each frame. */
const ATTACK = 1 / 8;
const RELEASE = 1 / 10;

/**
 * Brings sums of several voices into 16 bits by turning the whole down for a moment, which is not heard as clipping is. Leaves
 * alone what fits: one voice passes bit by bit. It remembers its gain from frame to frame; several mixes of the same voices share
 * one, so that a listener who changes from one mix to another hears no step.
 */
export class PeakLimiter {
  gain = 1;
  #start = 1;

  /** `mix` and `out` have the same length. */
  limit(mix: Int32Array, out: Int16Array): void {
    this.prepare(peakOf(mix));
    this.apply(mix, out);
  }

  /** Decides about the next frame. `peak` is the greatest magnitude in any of its mixes. */
  prepare(peak: number): void {
    const allowed = peak > CEILING ? CEILING / peak : 1;
    this.#start = this.gain;
    const end = Math.min(allowed, this.#start + (1 - this.#start) * RELEASE);
    this.gain = end > 0.999 ? Math.min(allowed, 1) : end;
  }

  /** True when the frame passes as it is. */
  get isTransparent(): boolean {
    return this.#start === 1 && this.gain === 1;
  }

  /** Writes one of the mixes that `prepare` was told of. */
  apply(mix: Int32Array, out: Int16Array): void {
    if (this.isTransparent) {
      for (let at = 0; at < out.length; at++) out[at] = mix[at] as number;
      return;
    }
    this.#ramp(mix, out, this.#start);
  }

  #ramp(mix: Int32Array, out: Int16Array, start: number): void {
    const slope = Math.max(1, this.gain < start ? Math.floor(out.length * ATTACK) : out.length);
    const step = (this.gain - start) / slope;
    for (let at = 0; at < out.length; at++) {
      const gain = at < slope ? start + step * at : this.gain;
      const sample = (mix[at] as number) * gain;
      // Only at the beginning of a sudden shout can the ramp be too late.
      out[at] = sample > CEILING ? CEILING : sample < -CEILING ? -CEILING : sample;
    }
  }
}

/** Greatest magnitude. */
export function peakOf(mix: Int32Array): number {
  let peak = 0;
  for (let at = 0; at < mix.length; at++) {
    const magnitude = Math.abs(mix[at] as number);
    if (magnitude > peak) peak = magnitude;
  }
  return peak;
}
