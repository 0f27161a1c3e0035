import { sequenceAdd, sequenceDelta } from './sequence.ts';

/** How many packets a ring holds; a power of two. */
export const RING_SIZE = 64;

/** One packet that waits for its time. Slots are reused. */
export interface WaitingPacket {
  sequence: number;
  /** Media time of its first sample, in ticks since the first packet of the stream. */
  position: number;
  ticks: number;
  /** Undefined in a slot that is free. */
  payload: Buffer | undefined;
}

/** Packets by sequence number: puts them in order, notices what is there twice. */
export class PacketRing {
  size = 0;
  readonly #slots: WaitingPacket[] = Array.from({ length: RING_SIZE }, () => ({
    sequence: -1,
    position: 0,
    ticks: 0,
    payload: undefined,
  }));

  /** True when this packet is in the ring, or was until it was taken. */
  knows(sequence: number): boolean {
    return this.#slot(sequence).sequence === sequence;
  }

  put(sequence: number, position: number, ticks: number, payload: Buffer): void {
    const slot = this.#slot(sequence);
    if (slot.payload === undefined) this.size += 1;
    slot.sequence = sequence;
    slot.position = position;
    slot.ticks = ticks;
    slot.payload = payload;
  }

  /** The oldest waiting packet at or after `sequence`. */
  first(sequence: number): WaitingPacket | undefined {
    if (this.size === 0) return undefined;
    for (let ahead = 0; ahead < RING_SIZE; ahead++) {
      const slot = this.#slot(sequenceAdd(sequence, ahead));
      if (slot.payload !== undefined && sequenceDelta(slot.sequence, sequence) === ahead) return slot;
    }
    return undefined;
  }

  /** Frees the slot; its fields but the payload stay readable until the next `put`. */
  take(packet: WaitingPacket): void {
    if (packet.payload === undefined) return;
    packet.payload = undefined;
    this.size -= 1;
  }

  clear(): void {
    for (const slot of this.#slots) {
      slot.payload = undefined;
      slot.sequence = -1;
    }
    this.size = 0;
  }

  #slot(sequence: number): WaitingPacket {
    return this.#slots[sequence % RING_SIZE] as WaitingPacket;
  }
}
