/** Arithmetic on numbers that wrap: RTP sequence numbers (16 bits) and timestamps (32 bits). */

/** Signed distance from `b` to `a`, −32768…32767: positive when `a` is newer (RFC 3550 A.1, RFC 1982). */
export function sequenceDelta(a: number, b: number): number {
  return ((a - b) << 16) >> 16;
}

/** Signed distance from `b` to `a` in clock ticks, −2³¹…2³¹−1: positive when `a` is newer. */
export function timestampDelta(a: number, b: number): number {
  return (a - b) | 0;
}

/** `sequence + count`, wrapped to 16 bits; `count` may be negative. */
export function sequenceAdd(sequence: number, count: number): number {
  return (sequence + count) & 0xffff;
}

/** `timestamp + ticks`, wrapped to 32 bits; `ticks` may be negative. */
export function timestampAdd(timestamp: number, ticks: number): number {
  return (timestamp + ticks) >>> 0;
}
