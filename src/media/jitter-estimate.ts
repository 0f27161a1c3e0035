const BUCKET_MS = 5;
const BUCKETS = 40;
const QUANTILE = 0.97;
const FORGET = 0.98;
/** The first packets count alike: until there are as many as a weight of 1 in 50 stands for. */
const EQUAL_PACKETS = 50;
/** Weights grow up to this, and begin again at 1. */
const HEAVY = 1e9;
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
  /** By weight: a packet counts for more than the one before it, instead of that for less. */
  readonly #histogram = new Float64Array(BUCKETS);
  #weight = 1;
  #total = 0;
  #count = 0;

  /** `transitMs` is arrival minus the media time of the packet's end. */
  add(transitMs: number): void {
    this.#noteTransit(transitMs);
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
    this.#weight = 1;
    this.#total = 0;
    this.minTransitMs = Number.NaN;
    this.targetMs = MIN_TARGET_MS;
  }

  #fadePeak(): void {
    this.#sincePeak += 1;
    if (this.#sincePeak < PEAK_PACKETS) return;
    this.#sincePeak -= PEAK_FADE_PACKETS;
    this.#peakMs = Math.max(0, this.#peakMs - BUCKET_MS);
  }

  /** All are looked at only when the fastest leaves the window. */
  #noteTransit(transitMs: number): void {
    const slot = this.#count % WINDOW;
    const leaves = this.#count >= WINDOW && this.#transits[slot] === this.minTransitMs;
    this.#transits[slot] = transitMs;
    this.#count += 1;
    if (leaves) this.minTransitMs = this.#transits.reduce((least, one) => Math.min(least, one));
    else if (!(transitMs >= this.minTransitMs)) this.minTransitMs = transitMs;
  }

  #weigh(latenessMs: number): void {
    if (this.#count > EQUAL_PACKETS) this.#weight /= FORGET;
    if (this.#weight > HEAVY) this.#lighten();
    const bucket = Math.min(Math.floor(latenessMs / BUCKET_MS), BUCKETS - 1);
    this.#histogram[bucket] = (this.#histogram[bucket] as number) + this.#weight;
    this.#total += this.#weight;
  }

  #lighten(): void {
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      this.#histogram[bucket] = (this.#histogram[bucket] as number) / this.#weight;
    }
    this.#total /= this.#weight;
    this.#weight = 1;
  }

  #quantile(): number {
    let sum = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      sum += this.#histogram[bucket] as number;
      if (sum >= QUANTILE * this.#total) return (bucket + 1) * BUCKET_MS;
    }
    return MAX_TARGET_MS;
  }
}
