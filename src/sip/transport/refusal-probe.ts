import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Address } from '../via.ts';

const waitMs = 2_000;
const keepAlive = Buffer.from('\r\n\r\n');

/**
 * Tells when a peer's UDP port is closed. The system reports that (ICMP) to connected sockets only, which ours is not, so
 * without this a dead PBX would be noticed after 32 s. What is sent is the keep-alive of RFC 5626 §3.5.1; no answer is expected.
 */
export class RefusalProbe {
  readonly #socket: Socket;
  readonly #onRefused: () => void;
  readonly #onDone: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(peer: Address, onRefused: () => void, onDone: () => void) {
    this.#onRefused = onRefused;
    this.#onDone = onDone;
    this.#socket = createSocket(isIPv6(peer.address) ? 'udp6' : 'udp4');
    this.#timer = setTimeout(() => this.stop(), waitMs).unref();
    this.#socket.unref();
    this.#socket.on('error', (error: NodeJS.ErrnoException) => this.#failed(error));
    this.#socket.once('connect', () => this.#send());
    this.#socket.connect(peer.port, peer.address);
  }

  stop(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#socket.close();
    this.#onDone();
  }

  /** A send may report the refusal of the one before it. */
  #send(): void {
    this.#socket.send(keepAlive, (error) => {
      if (error !== null) this.#failed(error);
    });
  }

  #failed(error: NodeJS.ErrnoException): void {
    if (this.#timer === undefined) return;
    this.stop();
    if (error.code === 'ECONNREFUSED') this.#onRefused();
  }
}
