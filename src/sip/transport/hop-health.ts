const usualHoldMs = 30_000;
const longestHoldMs = 3_600_000;
const hopsKept = 1_000;

/** Which next hops failed lately (RFC 3263 §4.3): those are tried last until their time is over or they answer again. */
export class HopHealth<Hop> {
  readonly #downUntil = new Map<string, number>();
  readonly #keyOf: (hop: Hop) => string;
  readonly #now: () => number;

  constructor(keyOf: (hop: Hop) => string, now: () => number = () => Date.now()) {
    this.#keyOf = keyOf;
    this.#now = now;
  }

  /** No answer, or 503; `retryAfterSeconds` is what the 503 said (RFC 3261 §21.5.4). */
  failed(hop: Hop, retryAfterSeconds = 0): void {
    if (this.#downUntil.size >= hopsKept) this.#downUntil.clear();
    const holdMs = Math.min(longestHoldMs, Math.max(usualHoldMs, retryAfterSeconds * 1000));
    this.#downUntil.set(this.#keyOf(hop), this.#now() + holdMs);
  }

  answered(hop: Hop): void {
    this.#downUntil.delete(this.#keyOf(hop));
  }

  isDown(hop: Hop): boolean {
    const until = this.#downUntil.get(this.#keyOf(hop));
    return until !== undefined && until > this.#now();
  }

  /** In their order, those that are down last: when all are down, each is still tried. */
  order(hops: readonly Hop[]): Hop[] {
    return [...hops.filter((hop) => !this.isDown(hop)), ...hops.filter((hop) => this.isDown(hop))];
  }
}
