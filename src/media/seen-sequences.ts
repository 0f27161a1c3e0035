/** Numbers that are remembered; a power of two. At 10 ms a packet this is five seconds. */
const REMEMBERED = 512;

/** Which packets of a source were received lately, whoever brought them. A packet is told by sequence number and timestamp together. */
export class SeenSequences {
  readonly #sequences = new Int32Array(REMEMBERED).fill(-1);
  readonly #timestamps = new Uint32Array(REMEMBERED);

  has(sequence: number, timestamp: number): boolean {
    const slot = sequence % REMEMBERED;
    return this.#sequences[slot] === sequence && this.#timestamps[slot] === timestamp;
  }

  add(sequence: number, timestamp: number): void {
    const slot = sequence % REMEMBERED;
    this.#sequences[slot] = sequence;
    this.#timestamps[slot] = timestamp;
  }
}
