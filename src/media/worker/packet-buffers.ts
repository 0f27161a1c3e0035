import { sendsAtOnce } from './udp-socket.ts';

/** Ethernet's payload; no packet of ours comes near. */
const packetBytes = 1500;
const count = 8;

/** Of system sockets: the kernel takes a datagram at once or not at all, so one buffer does for all calls of this thread. */
const shared = Buffer.alloc(packetBytes);

/**
 * Buffers for outgoing packets, used in turn. When the kernel does not take a datagram of node:dgram at once, libuv keeps the buffer, which is
 * then not written again for as many packets as there are buffers.
 */
export class PacketBuffers {
  readonly #buffers = sendsAtOnce()
    ? [shared]
    : Array.from({ length: count }, () => Buffer.alloc(packetBytes));
  #next = 0;

  take(): Buffer {
    this.#next = (this.#next + 1) % this.#buffers.length;
    return this.#buffers[this.#next] as Buffer;
  }
}
