import { sequenceDelta } from './sequence.ts';

/** Numbers that a ring tells apart, and so the most packets that it holds; a power of two. */
export const RING_SIZE = 64;

/** One packet that waits for its time. Objects are reused. */
export interface WaitingPacket {
  sequence: number;
  /** Media time of its first sample, in ticks since the first packet of the stream. */
  position: number;
  ticks: number;
  payload: Buffer;
}

const nothing = Buffer.alloc(0);

/**
 * Packets by sequence number: puts them in order, notices what is there twice. Two or three wait at a time, in objects that are used again:
 * one for each of the 64 numbers would be most of what a call has on the heap.
 */
export class PacketRing {
  readonly #waiting: WaitingPacket[] = [];
  readonly #free: WaitingPacket[] = [];
  /** The last number that came, of all that have the same place. */
  readonly #known: number[] = new Array(RING_SIZE).fill(-1);

  get size(): number {
    return this.#waiting.length;
  }

  /** True when this packet is in the ring, or was until it was taken. */
  knows(sequence: number): boolean {
    return this.#known[sequence % RING_SIZE] === sequence;
  }

  /** Its number is none that the ring knows, and fewer than `RING_SIZE` ahead of all that wait. */
  put(sequence: number, position: number, ticks: number, payload: Buffer): void {
    const packet = this.#free.pop() ?? { sequence, position, ticks, payload };
    packet.sequence = sequence;
    packet.position = position;
    packet.ticks = ticks;
    packet.payload = payload;
    this.#known[sequence % RING_SIZE] = sequence;
    this.#waiting.push(packet);
    this.#sortLast();
  }

  /** The oldest waiting packet at or after `sequence`; what waits before it is given up. */
  first(sequence: number): WaitingPacket | undefined {
    for (;;) {
      const oldest = this.#waiting[0];
      if (oldest === undefined || sequenceDelta(oldest.sequence, sequence) >= 0) return oldest;
      this.take(oldest);
    }
  }

  /** The packet waits no more; its fields stay readable until the next `put`. */
  take(packet: WaitingPacket): void {
    const at = this.#waiting.indexOf(packet);
    if (at < 0) return;
    if (at === 0) this.#waiting.shift();
    else this.#waiting.splice(at, 1);
    this.#free.push(packet);
  }

  clear(): void {
    for (const packet of this.#waiting) packet.payload = nothing;
    this.#free.push(...this.#waiting);
    this.#waiting.length = 0;
    this.#known.fill(-1);
  }

  /** Most packets come in order. */
  #sortLast(): void {
    const waiting = this.#waiting;
    for (let at = waiting.length - 1; at > 0; at--) {
      const [before, last] = [waiting[at - 1] as WaitingPacket, waiting[at] as WaitingPacket];
      if (sequenceDelta(last.sequence, before.sequence) > 0) return;
      waiting[at - 1] = last;
      waiting[at] = before;
    }
  }
}
