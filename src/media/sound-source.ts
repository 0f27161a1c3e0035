/** Sound that is made or read piece by piece, at the rate of the leg that hears it. */
export interface SoundSource {
  /** Writes up to `out.length − at` samples to `out[at…)`; answers how many: 0 at the end, −1 when it is not ready yet. */
  read(out: Int16Array, at: number): number;
  close(): void;
}

const rampMs = 4;

/** Some sines together, or silence when there are none; fades in and out so that it does not click. */
export class ToneSource implements SoundSource {
  readonly #rate: number;
  readonly #steps: readonly number[];
  readonly #amplitude: number;
  readonly #length: number;
  #position = 0;

  /** `levelDb` is that of each sine, −dBov (negative): −9 makes two of them as loud as can be without overload. */
  constructor(rate: number, frequencies: readonly number[], ms: number, levelDb: number) {
    this.#rate = rate;
    this.#steps = frequencies.map((hertz) => (2 * Math.PI * hertz) / rate);
    this.#amplitude = 32767 * 10 ** (Math.min(levelDb, 0) / 20);
    this.#length = Math.round((ms * rate) / 1000);
  }

  read(out: Int16Array, at: number): number {
    const count = Math.min(out.length - at, this.#length - this.#position);
    for (let index = 0; index < count; index += 1) {
      let sample = 0;
      for (const step of this.#steps) sample += Math.sin(step * (this.#position + index));
      const level = sample * this.#amplitude * this.#gain(this.#position + index);
      out[at + index] = Math.max(-32768, Math.min(32767, Math.round(level)));
    }
    this.#position += count;
    return count;
  }

  close(): void {
    this.#position = this.#length;
  }

  #gain(position: number): number {
    const ramp = (this.#rate * rampMs) / 1000;
    return Math.min(1, (position + 1) / ramp, (this.#length - position) / ramp);
  }
}
