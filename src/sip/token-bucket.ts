export interface RateLimit {
  /** Messages per second that a source may send for ever. */
  readonly perSecond: number;
  /** Messages that it may send at once. */
  readonly burst: number;
}

interface Bucket {
  tokens: number;
  at: number;
}

const sourcesKept = 10_000;

/** One token bucket per source. Time is given by the caller, in milliseconds. */
export class SourceLimiter {
  readonly #limit: RateLimit;
  #buckets = new Map<string, Bucket>();

  constructor(limit: RateLimit) {
    this.#limit = limit;
  }

  /** True when `source` may send one more message now. */
  admit(source: string, now: number): boolean {
    const bucket = this.#buckets.get(source) ?? this.#open(source, now);
    const refill = (Math.max(0, now - bucket.at) / 1000) * this.#limit.perSecond;
    bucket.tokens = Math.min(this.#limit.burst, bucket.tokens + refill);
    bucket.at = now;
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  #open(source: string, now: number): Bucket {
    if (this.#buckets.size >= sourcesKept) this.#forgetIdle(now);
    const bucket = { tokens: this.#limit.burst, at: now };
    this.#buckets.set(source, bucket);
    return bucket;
  }

  /** Forged source addresses must not fill the memory: what is full again is forgotten, then, if need be, everything. */
  #forgetIdle(now: number): void {
    const refillMs = (this.#limit.burst / this.#limit.perSecond) * 1000;
    for (const [source, bucket] of this.#buckets)
      if (now - bucket.at >= refillMs) this.#buckets.delete(source);
    if (this.#buckets.size >= sourcesKept) this.#buckets = new Map();
  }
}
