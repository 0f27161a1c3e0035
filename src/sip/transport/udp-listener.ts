import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns';
import { isIPv6 } from 'node:net';
import type { Log } from '../../log.ts';
import type { Address } from '../via.ts';

export interface UdpListenerOptions {
  readonly address: string;
  /** 0: any free port. */
  readonly port: number;
  readonly log: Log;
  readonly onDatagram: (bytes: Buffer, source: Address) => void;
}

/** What arrives while the process cannot read for some hundred milliseconds must not be lost; Linux grants up to net.core.rmem_max. */
const receiveBytes = 4_194_304;

/** The one UDP socket: everything is sent from the port that peers know us by. */
export class UdpListener {
  readonly family: 4 | 6;
  readonly #socket: Socket;
  readonly #options: UdpListenerOptions;
  #open = false;
  #port = 0;

  constructor(options: UdpListenerOptions) {
    this.#options = options;
    this.family = isIPv6(options.address) ? 6 : 4;
    const type = this.family === 6 ? 'udp6' : 'udp4';
    this.#socket = createSocket({
      type,
      ipv6Only: type === 'udp6',
      recvBufferSize: receiveBytes,
      // Once it is open the socket is asked for addresses only; Node would look up each, which costs a turn of the loop.
      lookup: (host, asked, done) => {
        if (this.#open) done(null, host, this.family);
        else lookup(host, asked, done);
      },
    });
    this.#socket.on('message', (bytes, from) =>
      options.onDatagram(bytes, { address: from.address, port: from.port }),
    );
  }

  /** Rejects with the bind error. */
  async bind(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#socket.once('error', reject);
    this.#socket.bind(this.#options.port, this.#options.address, resolve);
    await promise.catch((error) => {
      this.#socket.close();
      throw error;
    });
    this.#open = true;
    this.#port = this.#socket.address().port;
    this.#socket.removeListener('error', reject);
    this.#socket.on('error', (error) => this.#options.log.warn({ err: error }, 'SIP UDP socket error'));
  }

  get port(): number {
    return this.#open ? this.#port : 0;
  }

  /** Rejects when the system refuses to send. */
  send(bytes: Buffer, to: Address): Promise<void> {
    if (!this.#open) return Promise.reject(new Error('SIP UDP socket is closed'));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#socket.send(bytes, to.port, to.address, (error) => (error === null ? resolve() : reject(error)));
    return promise;
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#socket.close(resolve);
    await promise;
  }
}
