const BUCKET_MS = 5;
const BUCKETS = 40;
const QUANTILE = 0.97;
const FORGET = 0.98;
const WINDOW = 64;

/** Bounds of `targetMs`. */
export const MIN_TARGET_MS = BUCKET_MS;
export const MAX_TARGET_MS = BUCKET_MS * BUCKETS;

/**
 * How late packets of one source come, compared with its fastest of the last 64: from this follows how long a packet must wait, so that
 * 97 of 100 are there in time. Old packets count less and less (half after about 35).
 */
export class JitterEstimate {
  /** Arrival minus media time of the fastest packet of late, in ms on the caller's clocks. NaN before the first packet. */
  minTransitMs = Number.NaN;
  /** How much later than the fastest packet a packet is expected at most: 5…200 ms in steps of 5. */
  targetMs = MIN_TARGET_MS;
  readonly #transits = new Float64Array(WINDOW);
  readonly #histogram = new Float64Array(BUCKETS);
  #count = 0;

  /** `transitMs` is arrival minus the media time of the packet's end. */
  add(transitMs: number): void {
    this.#transits[this.#count % WINDOW] = transitMs;
    this.#count += 1;
    this.minTransitMs = this.#minimum();
    this.#weigh(transitMs - this.minTransitMs);
    this.targetMs = this.#quantile();
  }

  reset(): void {
    this.#count = 0;
    this.#histogram.fill(0);
    this.minTransitMs = Number.NaN;
    this.targetMs = MIN_TARGET_MS;
  }

  #minimum(): number {
    const filled = Math.min(this.#count, WINDOW);
    let minimum = Number.POSITIVE_INFINITY;
    for (let at = 0; at < filled; at++) {
      const transit = this.#transits[at] as number;
      if (transit < minimum) minimum = transit;
    }
    return minimum;
  }

  #weigh(latenessMs: number): void {
    const keep = Math.min(FORGET, 1 - 1 / this.#count);
    const histogram = this.#histogram;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      histogram[bucket] = (histogram[bucket] as number) * keep;
    }
    const bucket = Math.min(Math.floor(latenessMs / BUCKET_MS), BUCKETS - 1);
    histogram[bucket] = (histogram[bucket] as number) + 1 - keep;
  }

  #quantile(): number {
    let sum = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      sum += this.#histogram[bucket] as number;
      if (sum >= QUANTILE) return (bucket + 1) * BUCKET_MS;
    }
    return MAX_TARGET_MS;
  }
}
