import { connect, createServer, type Server, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer, type Server as TlsServer } from 'node:tls';
import type { Log } from '../../log.ts';
import { type Address, safeSource } from '../via.ts';
import type { Hop } from './packet.ts';
import { TcpConnection, type TcpConnectionEvents, type TcpTimes } from './tcp-connection.ts';
import type { TlsIdentity } from './tls-identity.ts';

export interface TcpFlowsOptions {
  readonly log: Log;
  /** TLS over TCP instead of TCP alone. */
  readonly identity?: TlsIdentity;
  readonly messageBytes: number;
  readonly times: TcpTimes;
  /** Connections that one peer address may hold open towards us; the next is refused. */
  readonly perPeer: number;
  readonly onMessage: (bytes: Buffer, connection: TcpConnection) => void;
  readonly onFault: (reason: string) => void;
  /** A connection that was in use has closed; not called by `close`. */
  readonly onLost: (peer: Address) => void;
}

type Peer = Pick<Hop, 'address' | 'port' | 'name'>;

/** All connections of TCP or of TLS, found by the peer's address and port; a listener for each of our addresses. */
export class TcpFlows {
  readonly #options: TcpFlowsOptions;
  readonly #flows = new Map<string, TcpConnection>();
  readonly #opening = new Map<string, Promise<TcpConnection>>();
  readonly #keys = new WeakMap<TcpConnection, string>();
  readonly #perPeer = new Map<string, number>();
  readonly #events: TcpConnectionEvents;
  readonly #servers: Server[] = [];
  /** Last connect error by peer, so that one that stays is logged once. */
  readonly #faults = new Map<string, string>();
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
    const server = this.#makeServer();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once('error', reject);
    server.listen({ host: address, port, ipv6Only: true }, resolve);
    await promise;
    server.removeListener('error', reject);
    server.on('error', (error) => this.#options.log.warn({ err: error }, 'SIP TCP listener error'));
    this.#servers.push(server);
  }

  /** New connections get the certificate that the identity has now. */
  renew(): void {
    const { identity } = this.#options;
    if (identity === undefined) return;
    for (const server of this.#servers) (server as TlsServer).setSecureContext(identity.material);
  }

  get port(): number {
    const address = this.#servers[0]?.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  get count(): number {
    return this.#flows.size;
  }

  /** The connection to a peer: the one that is open, else a new one. Rejects with the connect error. */
  async to(peer: Peer, connectMs: number): Promise<TcpConnection> {
    const key = keyOf(peer);
    const present = this.#flows.get(key) ?? this.#flowFrom(peer);
    if (present?.open === true) return present;
    const opening =
      this.#opening.get(key) ?? this.#connect(peer, connectMs).finally(() => this.#opening.delete(key));
    this.#opening.set(key, opening);
    return opening;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const connection of this.#flows.values()) connection.close();
    await Promise.all(
      this.#servers.splice(0).map((server) => {
        const { promise, resolve } = Promise.withResolvers<void>();
        server.close(() => resolve());
        return promise;
      }),
    );
  }

  #makeServer(): Server {
    const { identity } = this.#options;
    if (identity === undefined) {
      return createServer((socket) => {
        if (this.#admit(socket)) this.#adopt(socket, false, undefined);
      });
    }
    const server = createTlsServer(identity.forListener(), (socket) => this.#adopt(socket, false, undefined));
    server.on('connection', (socket: Socket) => void this.#admit(socket));
    server.on('tlsClientError', (_error, socket) => {
      this.#options.onFault('tls-handshake');
      socket.on('error', () => {});
      socket.destroy();
    });
    return server;
  }

  /** Counts a new connection of a peer; false: it has too many, and this one is closed. */
  #admit(socket: Socket): boolean {
    const { address } = safeSource(socket.remoteAddress, socket.remotePort);
    const open = this.#perPeer.get(address) ?? 0;
    if (this.#closed || open >= this.#options.perPeer) {
      this.#options.onFault('too-many-connections');
      socket.on('error', () => {});
      socket.destroy();
      return false;
    }
    this.#perPeer.set(address, open + 1);
    socket.once('close', () => this.#release(address));
    return true;
  }

  /**
   * TLS: the Contact of a peer often names an address that its certificate does not; then what it opened, or what was verified
   * under its name, leads to it (RFC 5923).
   */
  #flowFrom(peer: Peer): TcpConnection | undefined {
    if (this.#options.identity === undefined || peer.name !== undefined) return undefined;
    return [...this.#flows.values()].find(({ open, source }) => open && source.address === peer.address);
  }

  #release(address: string): void {
    const open = (this.#perPeer.get(address) ?? 1) - 1;
    if (open <= 0) this.#perPeer.delete(address);
    else this.#perPeer.set(address, open);
  }

  async #connect(peer: Peer, connectMs: number): Promise<TcpConnection> {
    const { identity, log } = this.#options;
    const plain = connect({ host: peer.address, port: peer.port });
    const name = peer.name ?? peer.address;
    const socket = identity === undefined ? plain : connectTls({ ...identity.towards(name), socket: plain });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => reject(new Error('connect timeout')), connectMs).unref();
    socket.once(identity === undefined ? 'connect' : 'secureConnect', resolve);
    socket.once('error', reject);
    if (socket !== plain) plain.once('error', reject);
    try {
      await promise;
      this.#faults.delete(keyOf(peer));
      if (this.#closed) throw new Error('SIP transport is closed');
    } catch (error) {
      plain.on('error', () => {});
      socket.on('error', () => {});
      socket.destroy();
      plain.destroy();
      if (this.#faults.get(keyOf(peer)) !== String(error))
        log.warn({ peer: `${name}:${peer.port}`, reason: String(error) }, 'SIP connection failed');
      if (this.#faults.size > 1_000) this.#faults.clear();
      this.#faults.set(keyOf(peer), String(error));
      throw error;
    } finally {
      clearTimeout(timer);
      socket.removeListener('error', reject);
    }
    return this.#adopt(socket, true, peer.name);
  }

  #adopt(socket: Socket, ours: boolean, name: string | undefined): TcpConnection {
    const { messageBytes, times } = this.#options;
    const connection = new TcpConnection(socket, ours, messageBytes, times, this.#events);
    const key = keyOf({ ...connection.source, ...(name !== undefined && { name }) });
    this.#keys.set(connection, key);
    this.#flows.set(key, connection);
    return connection;
  }

  #forget(connection: TcpConnection): void {
    const key = this.#keys.get(connection) ?? '';
    if (this.#flows.get(key) !== connection) return;
    this.#flows.delete(key);
    if (!this.#closed) this.#options.onLost(connection.source);
  }
}

/** A connection that was verified for one name is not used for another one. */
function keyOf({ address, port, name = '' }: Peer): string {
  return `${address} ${port} ${name}`;
}
