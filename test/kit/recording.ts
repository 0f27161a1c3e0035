import type { Sound } from './sound.ts';

const frameMs = 10;
const ahead = 50;
/** Less than this is the clocks' and the event loop's noise. */
const toleranceMs = 60;
const longest = 60_000; // frames: ten minutes

/**
 * Frames of 10 ms at 48 kHz with the time of their arrival. When it is read, silence is put where the following half
 * second of frames all came late: a pause in the stream shows as a gap, a burst after a stall of the event loop does not.
 */
export class Recording {
  #frames: { readonly at: number; readonly samples: Int16Array }[] = [];

  /** Milliseconds since 1970 of the first sample; undefined: nothing was recorded. */
  get startedAt(): number | undefined {
    const first = this.#frames[0];
    return first === undefined ? undefined : first.at - frameMs;
  }

  add(samples: Int16Array, now = Date.now()): void {
    if (this.#frames.length < longest) this.#frames.push({ at: now, samples: samples.slice() });
  }

  clear(): void {
    this.#frames = [];
  }

  sound(): Sound {
    const frames = this.#frames;
    const start = frames[0]?.at ?? 0;
    const pauses = frames.map((_, index) => index).map((index) => this.#lateness(index, start));
    const parts: Int16Array[] = [];
    let inserted = 0;
    frames.forEach(({ samples }, index) => {
      const pause = (pauses[index] ?? 0) - inserted;
      if (pause > toleranceMs) {
        parts.push(new Int16Array(Math.round(pause * 48)));
        inserted += pause;
      }
      parts.push(samples);
    });
    return { rate: 48_000, samples: concat(parts) };
  }

  /** The least that any of the next frames is behind the wall clock, if no silence was put in, in milliseconds. */
  #lateness(index: number, start: number): number {
    let least = Number.POSITIVE_INFINITY;
    for (let next = index; next < Math.min(index + ahead, this.#frames.length); next += 1) {
      least = Math.min(least, (this.#frames[next]?.at ?? 0) - start - next * frameMs);
    }
    return least;
  }
}

function concat(parts: readonly Int16Array[]): Int16Array {
  const samples = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    samples.set(part, at);
    at += part.length;
  }
  return samples;
}
