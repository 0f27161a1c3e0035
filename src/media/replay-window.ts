const WINDOW = 128;

/**
 * Packet indices of one source in one direction: guesses the 48-bit index of a packet from its 16-bit sequence number
 * (RFC 3711 §3.3.1, appendix A) and refuses what was seen or is older than 128 packets (§3.3.2). An index is recorded only after the
 * packet was authenticated, so that forged packets move nothing.
 */
export class ReplayWindow {
  /** Highest index recorded; −1 before the first. */
  highest = -1;
  readonly #seen = new Float64Array(WINDOW).fill(-1);

  /** The most likely index of a packet with this sequence number; negative when it lies before the first rollover counter. */
  guess(sequence: number): number {
    if (this.highest < 0) return sequence;
    const last = this.highest % 65536;
    const base = this.highest - last;
    const distance = sequence - last;
    if (distance > 32768) return base - 65536 + sequence;
    if (distance < -32768) return base + 65536 + sequence;
    return base + sequence;
  }

  /** True when this index was recorded, or is too old to know. */
  refuses(index: number): boolean {
    if (index < 0 || index <= this.highest - WINDOW) return true;
    return this.#seen[index % WINDOW] === index;
  }

  record(index: number): void {
    this.#seen[index % WINDOW] = index;
    if (index > this.highest) this.highest = index;
  }
}
