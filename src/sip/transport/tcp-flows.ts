import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Log } from '../../log.ts';
import { type Address, safeSource } from '../via.ts';
import { TcpConnection, type TcpConnectionEvents, type TcpTimes } from './tcp-connection.ts';

export interface TcpFlowsOptions {
  readonly log: Log;
  readonly messageBytes: number;
  readonly times: TcpTimes;
  /** Connections that one peer address may hold open towards us; the next is refused. */
  readonly perPeer: number;
  readonly onMessage: (bytes: Buffer, connection: TcpConnection) => void;
  readonly onFault: (reason: string) => void;
  /** A connection that was in use has closed; not called by `close`. */
  readonly onLost: (peer: Address) => void;
}

/** All TCP connections, found by the peer's address and port; one listener at most. */
export class TcpFlows {
  readonly #options: TcpFlowsOptions;
  readonly #flows = new Map<string, TcpConnection>();
  readonly #opening = new Map<string, Promise<TcpConnection>>();
  readonly #perPeer = new Map<string, number>();
  readonly #events: TcpConnectionEvents;
  #server: Server | undefined;
  #closed = false;

  constructor(options: TcpFlowsOptions) {
    this.#options = options;
    this.#events = {
      onMessage: options.onMessage,
      onFault: options.onFault,
      onClose: (connection) => this.#forget(connection),
    };
  }

  /** Rejects with the bind error. */
  async listen(address: string, port: number): Promise<void> {
    const server = createServer((socket) => this.#accept(socket));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once('error', reject);
    server.listen({ host: address, port }, resolve);
    await promise;
    server.removeListener('error', reject);
    server.on('error', (error) => this.#options.log.warn({ err: error }, 'SIP TCP listener error'));
    this.#server = server;
  }

  get port(): number {
    const address = this.#server?.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  get count(): number {
    return this.#flows.size;
  }

  /** The connection to a peer: the one that is open, else a new one. Rejects with the connect error. */
  async to(peer: Address, connectMs: number): Promise<TcpConnection> {
    const key = keyOf(peer);
    const present = this.#flows.get(key);
    if (present?.open === true) return present;
    const opening =
      this.#opening.get(key) ?? this.#connect(peer, connectMs).finally(() => this.#opening.delete(key));
    this.#opening.set(key, opening);
    return opening;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const connection of this.#flows.values()) connection.close();
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    server.close(() => resolve());
    await promise;
  }

  #accept(socket: Socket): void {
    const { address } = safeSource(socket.remoteAddress, socket.remotePort);
    const open = this.#perPeer.get(address) ?? 0;
    if (this.#closed || open >= this.#options.perPeer) {
      this.#options.onFault('too-many-connections');
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    this.#perPeer.set(address, open + 1);
    socket.once('close', () => this.#release(address));
    this.#adopt(socket, false);
  }

  #release(address: string): void {
    const open = (this.#perPeer.get(address) ?? 1) - 1;
    if (open <= 0) this.#perPeer.delete(address);
    else this.#perPeer.set(address, open);
  }

  async #connect(peer: Address, connectMs: number): Promise<TcpConnection> {
    const socket = connect({ host: peer.address, port: peer.port });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => reject(new Error('connect timeout')), connectMs).unref();
    socket.once('connect', resolve);
    socket.once('error', reject);
    try {
      await promise;
      if (this.#closed) throw new Error('SIP transport is closed');
    } catch (error) {
      socket.on('error', () => {});
      socket.destroy();
      throw error;
    } finally {
      clearTimeout(timer);
      socket.removeListener('error', reject);
    }
    return this.#adopt(socket, true);
  }

  #adopt(socket: Socket, ours: boolean): TcpConnection {
    const { messageBytes, times } = this.#options;
    const connection = new TcpConnection(socket, ours, messageBytes, times, this.#events);
    this.#flows.set(keyOf(connection.source), connection);
    return connection;
  }

  #forget(connection: TcpConnection): void {
    const key = keyOf(connection.source);
    if (this.#flows.get(key) !== connection) return;
    this.#flows.delete(key);
    if (!this.#closed) this.#options.onLost(connection.source);
  }
}

function keyOf(peer: Address): string {
  return `${peer.address} ${peer.port}`;
}
