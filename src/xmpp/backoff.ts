/** Exponential back-off with jitter: half of the delay is random, so that many gateways do not come back in step. */
export function backoff(attempt: number, firstMs: number, maximumMs: number, random = Math.random): number {
  const full = Math.min(maximumMs, firstMs * 2 ** Math.min(attempt, 16));
  return Math.round(full / 2 + (full / 2) * random());
}
