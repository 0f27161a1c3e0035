/** Ethernet's payload; no packet of ours comes near. */
const packetBytes = 1500;
const count = 8;

/**
 * Buffers for outgoing packets, used in turn. The kernel nearly always takes a datagram at once; when it does not, libuv keeps
 * the buffer, which is then not written again for as many packets as there are buffers.
 */
export class PacketBuffers {
  readonly #buffers = Array.from({ length: count }, () => Buffer.alloc(packetBytes));
  #next = 0;

  take(): Buffer {
    this.#next = (this.#next + 1) % count;
    return this.#buffers[this.#next] as Buffer;
  }
}
