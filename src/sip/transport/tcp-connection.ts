import type { Socket } from 'node:net';
import type { Address } from '../via.ts';
import { safeSource } from '../via.ts';
import { StreamFramer } from './stream-framer.ts';

export interface TcpConnectionEvents {
  readonly onMessage: (bytes: Buffer, connection: TcpConnection) => void;
  /** The peer broke the framing; the connection has been closed. */
  readonly onFault: (reason: string, connection: TcpConnection) => void;
  readonly onClose: (connection: TcpConnection) => void;
}

export interface TcpTimes {
  /** A message must be complete, and a new connection must bring one, in this time. */
  readonly halfOpenMs: number;
  /** A connection that a peer opened is closed after this time without traffic. */
  readonly idleMs: number;
  /** How often we ping on connections that we opened (RFC 5626 §4.4.1). */
  readonly pingMs: number;
}

export const tcpTimes: TcpTimes = { halfOpenMs: 32_000, idleMs: 900_000, pingMs: 60_000 };

/** Bytes waiting in the kernel's and our own buffer before a peer that does not read is cut off. */
const unsentLimit = 262_144;

const ping = Buffer.from('\r\n\r\n');
const pong = Buffer.from('\r\n');

/** One connected TCP flow, opened by us or by the peer. */
export class TcpConnection {
  readonly source: Address;
  readonly localAddress: string;
  readonly localPort: number;
  readonly #socket: Socket;
  readonly #events: TcpConnectionEvents;
  readonly #framer: StreamFramer;
  readonly #times: TcpTimes;
  readonly #ours: boolean;
  readonly #timer: NodeJS.Timeout;
  #lastTraffic = Date.now();
  #messageBegan = Date.now();
  #sawMessage = false;

  constructor(
    socket: Socket,
    ours: boolean,
    messageBytes: number,
    times: TcpTimes,
    events: TcpConnectionEvents,
  ) {
    this.#socket = socket;
    this.#ours = ours;
    this.#events = events;
    this.#times = times;
    this.#framer = new StreamFramer(messageBytes);
    this.source = safeSource(socket.remoteAddress, socket.remotePort);
    this.localAddress = safeSource(socket.localAddress, socket.localPort).address;
    this.localPort = socket.localPort ?? 0;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#received(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('end', () => socket.destroy());
    socket.on('close', () => this.#closed());
    this.#timer = setInterval(() => this.#watch(), Math.min(times.halfOpenMs, times.pingMs)).unref();
  }

  get open(): boolean {
    return !this.#socket.destroyed && this.#socket.writable;
  }

  /** Rejects when the connection is gone or the peer does not read. */
  send(bytes: Buffer): Promise<void> {
    if (!this.open) return Promise.reject(new Error('SIP TCP connection is closed'));
    if (this.#socket.writableLength > unsentLimit) {
      this.close();
      return Promise.reject(new Error('the peer does not read its SIP TCP connection'));
    }
    this.#lastTraffic = Date.now();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#socket.write(bytes, (error) => (error == null ? resolve() : reject(error)));
    return promise;
  }

  close(): void {
    this.#socket.destroy();
  }

  #received(chunk: Buffer): void {
    this.#lastTraffic = Date.now();
    if (!this.#framer.midMessage) this.#messageBegan = this.#lastTraffic;
    for (const frame of this.#framer.push(chunk)) {
      if (!this.open) return;
      if (frame.kind === 'ping') this.#socket.write(pong);
      else if (frame.kind === 'message') {
        this.#sawMessage = true;
        this.#events.onMessage(frame.bytes, this);
      } else {
        this.#events.onFault(frame.reason, this);
        this.close();
      }
    }
  }

  #watch(): void {
    const now = Date.now();
    const half = this.#framer.midMessage || (!this.#ours && !this.#sawMessage);
    if (half && now - this.#messageBegan >= this.#times.halfOpenMs) this.close();
    else if (!this.#ours && now - this.#lastTraffic >= this.#times.idleMs) this.close();
    else if (this.#ours && this.open && now - this.#lastTraffic >= this.#times.pingMs)
      this.#socket.write(ping);
  }

  #closed(): void {
    clearInterval(this.#timer);
    this.#events.onClose(this);
  }
}
