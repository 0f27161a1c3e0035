import { wireNow } from '../../kit/wire-clock.ts';
import { type Disturbance, disturbedMs } from './disturbances.ts';
import type { End } from './ends.ts';

export interface Played {
  /** When the first frame was due; performance.now() in ms. */
  readonly startedAt: number;
  /** Its number in the stream. */
  readonly first: number;
}

const frameMs = 20;

/** Sends a frame every 20 ms, due by the clock since the beginning. The phase against the gateway's clock is random. */
export class Pace {
  readonly #end: End;
  readonly #origin = performance.now() + Math.random() * frameMs;

  constructor(end: End) {
    this.#end = end;
  }

  /** Resolves when the last frame has left. What left late is added to `late`. */
  play(frames: readonly Buffer[], late: Disturbance[]): Promise<Played> {
    const first = Math.ceil((performance.now() - this.#origin) / frameMs) + 1;
    const startedAt = this.#origin + first * frameMs;
    return new Promise((resolve) => {
      let frame = 0;
      const tick = () => {
        for (; frame < frames.length; frame += 1) {
          const lateMs = performance.now() - startedAt - frame * frameMs;
          if (lateMs < 0) break;
          if (lateMs > disturbedMs) late.push({ at: wireNow(), lateMs });
          this.#end.send(first + frame, frames[frame] as Buffer);
        }
        if (frame === frames.length) resolve({ startedAt, first });
        else setTimeout(tick, Math.max(1, startedAt + frame * frameMs - performance.now()));
      };
      tick();
    });
  }
}
