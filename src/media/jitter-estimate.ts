const BUCKET_MS = 5;
const BUCKETS = 40;
const QUANTILE = 0.97;
const FORGET = 0.98;
const WINDOW = 64;
/** For so many packets a late one is remembered; then its lateness counts for 5 ms less with each so many more. */
const PEAK_PACKETS = 500;
const PEAK_FADE_PACKETS = 25;

/** Bounds of `targetMs`. */
export const MIN_TARGET_MS = 3 * BUCKET_MS;
export const MAX_TARGET_MS = BUCKET_MS * BUCKETS;

/**
 * How late packets of one source come, compared with its fastest of the last 64: from this follows how long a packet must wait, so that
 * 97 of 100 are there in time, and at once so long that the latest that came too late would have been. Old packets count less and less
 * (half after about 35).
 */
export class JitterEstimate {
  /** Arrival minus media time of the fastest packet of late, in ms on the caller's clocks. NaN before the first packet. */
  minTransitMs = Number.NaN;
  /** How much later than the fastest packet a packet is expected at most: 15…200 ms in steps of 5. */
  targetMs = MIN_TARGET_MS;
  /** How late the latest of the packets was that came when their time was over, ms. */
  #peakMs = 0;
  #sincePeak = 0;
  readonly #transits = new Float64Array(WINDOW);
  readonly #histogram = new Float64Array(BUCKETS);
  #count = 0;

  /** `transitMs` is arrival minus the media time of the packet's end. */
  add(transitMs: number): void {
    this.#transits[this.#count % WINDOW] = transitMs;
    this.#count += 1;
    this.minTransitMs = this.#minimum();
    this.#weigh(transitMs - this.minTransitMs);
    this.#fadePeak();
    this.targetMs = Math.max(this.#quantile(), this.#peakMs, MIN_TARGET_MS);
  }

  /** The packet that was added last came when its time was over: the next such shall find a place at once. */
  noteLate(transitMs: number): void {
    const peakMs = Math.min(
      Math.ceil((transitMs - this.minTransitMs) / BUCKET_MS) * BUCKET_MS,
      MAX_TARGET_MS,
    );
    if (peakMs < this.#peakMs) return;
    this.#peakMs = peakMs;
    this.#sincePeak = 0;
    this.targetMs = Math.max(this.targetMs, peakMs);
  }

  reset(): void {
    this.#count = 0;
    this.#peakMs = 0;
    this.#histogram.fill(0);
    this.minTransitMs = Number.NaN;
    this.targetMs = MIN_TARGET_MS;
  }

  #fadePeak(): void {
    this.#sincePeak += 1;
    if (this.#sincePeak < PEAK_PACKETS) return;
    this.#sincePeak -= PEAK_FADE_PACKETS;
    this.#peakMs = Math.max(0, this.#peakMs - BUCKET_MS);
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
