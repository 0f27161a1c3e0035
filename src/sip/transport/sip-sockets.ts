import { isIPv6 } from 'node:net';
import type { SipTransport } from '../../config/config.ts';
import type { Log } from '../../log.ts';
import { messageLimits } from '../message-head.ts';
import type { Address } from '../via.ts';
import { LocalAddresses } from './local-address.ts';
import { type NameService, systemNames } from './name-service.ts';
import { type Hop, hopKey, type Packet } from './packet.ts';
import { TargetResolver } from './target-resolver.ts';
import { type TcpConnection, tcpTimes } from './tcp-connection.ts';
import { TcpFlows } from './tcp-flows.ts';
import type { TlsIdentity } from './tls-identity.ts';
import { UdpListener } from './udp-listener.ts';

export interface SipSocketsOptions {
  /** One of IPv4, one of IPv6, or both. */
  readonly addresses: readonly [string, ...string[]];
  /** 0: any free port, the same for UDP and TCP. */
  readonly port: number;
  readonly transports: readonly SipTransport[];
  readonly tls?: { readonly port: number; readonly identity: TlsIdentity };
  readonly names?: NameService;
  readonly log: Log;
  /** Must not throw. */
  readonly onPacket: (packet: Packet) => void;
  /** Counts what the sockets drop. */
  readonly onDrop: (reason: string) => void;
  /** A connection has closed. Must not throw. */
  readonly onLost?: (hop: Hop) => void;
}

/** RFC 3261 §18.1.1: a request within 200 bytes of an unknown path MTU goes by a transport with congestion control. */
const udpRequestBytes = 1_300;
const noTcpMs = 300_000;
const tcpConnectMs = 5_000;
/** A peer on UDP that may not listen on TCP at all: it must not delay the call for long. */
const trialConnectMs = 1_000;
const bindAttempts = 8;

/** Our SIP sockets: listeners for UDP, TCP and TLS on one address of each family, and the connections. Engine-independent. */
export class SipSockets {
  readonly resolver: TargetResolver;
  readonly localAddresses: LocalAddresses;
  readonly #options: SipSocketsOptions;
  readonly #withoutTcp = new Map<string, number>();
  #udp: UdpListener[] = [];
  #tcp: TcpFlows;
  #tls: TcpFlows | undefined;

  constructor(options: SipSocketsOptions) {
    this.#options = options;
    const families = options.addresses.map((address) => (isIPv6(address) ? 6 : 4));
    this.resolver = new TargetResolver({ names: options.names ?? systemNames(), families });
    this.localAddresses = new LocalAddresses(options.addresses);
    this.#tcp = this.#makeFlows('tcp');
    if (options.tls !== undefined) this.#tls = this.#makeFlows('tls');
  }

  /** Binds the listeners; rejects with the bind error and leaves nothing open. */
  async start(): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#bind();
      } catch (error) {
        await this.stop();
        this.#tcp = this.#makeFlows('tcp');
        if (this.#tls !== undefined) this.#tls = this.#makeFlows('tls');
        // With port 0 the port that UDP got may be taken for TCP: another one is tried.
        if (this.#options.port !== 0 || attempt === bindAttempts) throw error;
      }
    }
  }

  async stop(): Promise<void> {
    const udp = this.#udp;
    this.#udp = [];
    await Promise.all([...udp.map((listener) => listener.close()), this.#tcp.close(), this.#tls?.close()]);
  }

  /** The port of a listener; without a listener for it, another one's. */
  port(transport: SipTransport): number {
    const udp = this.#udp[0]?.port ?? 0;
    // The others ask the system, and this is asked with each call.
    if (transport === 'udp' && udp !== 0) return udp;
    const [tcp, tls] = [this.#tcp.port, this.#tls?.port ?? 0];
    return transport === 'tls' ? tls || tcp || udp : tcp || udp || tls;
  }

  /**
   * The port that a peer reaches us by: our listener's, and without one for TLS that of our own connection to the peer, which
   * is opened for that. Rejects when it cannot be opened.
   */
  async portTowards(hop: Hop): Promise<number> {
    const flows = this.#tls;
    if (hop.transport !== 'tls' || flows === undefined || flows.port !== 0) return this.port(hop.transport);
    return (await flows.to(hop, tcpConnectMs)).localPort;
  }

  /** The same for who sent us something. */
  portOf(transport: SipTransport, connection: TcpConnection | undefined): number {
    const listens = transport !== 'tls' || this.#tls?.port !== 0;
    return listens || connection === undefined ? this.port(transport) : connection.localPort;
  }

  /** New TLS connections get the certificate that the identity has now. */
  renewTls(): void {
    this.#tls?.renew();
  }

  /**
   * Sends a request. One that is too large for UDP goes by TCP when the peer takes it. Resolves with the transport that was
   * used; rejects when the hop cannot be reached.
   */
  async sendRequest(hop: Hop, makeBytes: (transport: SipTransport) => Buffer): Promise<SipTransport> {
    const udp = this.#udpTowards(hop);
    if (hop.transport !== 'udp' || udp === undefined) {
      const used = hop.transport === 'tls' ? 'tls' : 'tcp';
      await this.#sendByFlow({ ...hop, transport: used }, makeBytes(used));
      return used;
    }
    const first = makeBytes('udp');
    if (first.length > udpRequestBytes && (await this.#sendLarge(hop, makeBytes))) return 'tcp';
    await udp.send(first, hop);
    return 'udp';
  }

  /** Sends a response where RFC 3261 §18.2.2 says: over the connection of its request, else to `fallback`. */
  async sendResponse(connection: TcpConnection | undefined, fallback: Hop, bytes: Buffer): Promise<void> {
    if (connection?.open === true) return connection.send(bytes);
    if (fallback.transport !== 'udp') return this.#sendByFlow(fallback, bytes);
    return this.#udpTowards(fallback)?.send(bytes, fallback);
  }

  /** CRLF keep-alive (RFC 5626 §3.5.1) that keeps a NAT binding open; failures do not matter. */
  async keepAlive(hop: Hop): Promise<void> {
    const ping = Buffer.from('\r\n\r\n');
    if (hop.transport !== 'udp') return;
    await this.#udpTowards(hop)
      ?.send(ping, hop)
      .catch(() => {});
  }

  #udpTowards(hop: Hop): UdpListener | undefined {
    const family = hop.address.includes(':') ? 6 : 4;
    return this.#udp.find((listener) => listener.family === family);
  }

  async #sendByFlow(hop: Hop, bytes: Buffer, connectMs = tcpConnectMs): Promise<void> {
    const flows = hop.transport === 'tls' ? this.#tls : this.#tcp;
    if (flows === undefined) throw new Error('TLS is not configured');
    const connection = await flows.to(hop, connectMs);
    await connection.send(bytes);
  }

  /** True when the message left by TCP. */
  async #sendLarge(hop: Hop, makeBytes: (transport: SipTransport) => Buffer): Promise<boolean> {
    const refusedAt = this.#withoutTcp.get(hopKey(hop));
    if (refusedAt !== undefined && Date.now() - refusedAt < noTcpMs) return false;
    try {
      await this.#sendByFlow({ ...hop, transport: 'tcp' }, makeBytes('tcp'), trialConnectMs);
      this.#withoutTcp.delete(hopKey(hop));
      return true;
    } catch {
      if (this.#withoutTcp.size > 1_000) this.#withoutTcp.clear();
      this.#withoutTcp.set(hopKey(hop), Date.now());
      return false;
    }
  }

  async #bind(): Promise<void> {
    const { addresses, transports, tls } = this.#options;
    for (const address of addresses) {
      // The first one chooses the port when it is free to.
      const port = this.#udp[0]?.port || this.#tcp.port || this.#options.port;
      if (transports.includes('udp')) await this.#bindUdp(address, port);
      if (transports.includes('tcp')) await this.#tcp.listen(address, this.#udp[0]?.port || port);
      if (transports.includes('tls') && tls?.identity.canListen === true)
        await this.#tls?.listen(address, this.#tls.port || tls.port);
    }
  }

  async #bindUdp(address: string, port: number): Promise<void> {
    const { log } = this.#options;
    const onDatagram = (bytes: Buffer, source: Address): void => this.#datagram(bytes, source);
    const udp = new UdpListener({ address, port, log, onDatagram });
    await udp.bind();
    this.#udp.push(udp);
  }

  #datagram(bytes: Buffer, source: Address): void {
    if (bytes.length <= 4 && isBlank(bytes)) return;
    this.#options.onPacket({ bytes, transport: 'udp', source, connection: undefined });
  }

  #makeFlows(transport: 'tcp' | 'tls'): TcpFlows {
    const { log, onPacket, onDrop, tls } = this.#options;
    return new TcpFlows({
      log,
      ...(transport === 'tls' && tls !== undefined && { identity: tls.identity }),
      messageBytes: messageLimits.messageBytes,
      times: tcpTimes,
      perPeer: 1_000,
      onFault: onDrop,
      onLost: (peer) => this.#options.onLost?.({ transport, ...peer }),
      onMessage: (bytes, connection) => onPacket({ bytes, transport, source: connection.source, connection }),
    });
  }
}

/** Keep-alives of RFC 5626 and of old user agents: line ends and NULs. */
function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0x0d || byte === 0x0a || byte === 0);
}
