import { isIPv6 } from 'node:net';
import type { SipTransport } from '../../config/config.ts';
import type { Log } from '../../log.ts';
import { messageLimits } from '../message-head.ts';
import type { Address } from '../via.ts';
import { LocalAddresses } from './local-address.ts';
import { type Hop, hopKey, type Packet } from './packet.ts';
import { HostResolver } from './resolve-host.ts';
import { type TcpConnection, tcpTimes } from './tcp-connection.ts';
import { TcpFlows } from './tcp-flows.ts';
import { UdpListener } from './udp-listener.ts';

export interface SipSocketsOptions {
  readonly address: string;
  /** 0: any free port, the same for UDP and TCP. */
  readonly port: number;
  readonly transports: readonly SipTransport[];
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

/** Our SIP sockets: one listener for UDP, one for TCP, and the TCP connections. Engine-independent. */
export class SipSockets {
  readonly resolver: HostResolver;
  readonly localAddresses: LocalAddresses;
  readonly #options: SipSocketsOptions;
  readonly #withoutTcp = new Map<string, number>();
  #udp: UdpListener | undefined;
  #tcp: TcpFlows;

  constructor(options: SipSocketsOptions) {
    this.#options = options;
    this.resolver = new HostResolver(isIPv6(options.address) ? 6 : 4);
    this.localAddresses = new LocalAddresses(options.address);
    this.#tcp = this.#makeTcp();
  }

  /** Binds the listeners; rejects with the bind error and leaves nothing open. */
  async start(): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#bind();
      } catch (error) {
        await this.stop();
        this.#tcp = this.#makeTcp();
        // With port 0 the port that UDP got may be taken for TCP: another one is tried.
        if (this.#options.port !== 0 || attempt === bindAttempts) throw error;
      }
    }
  }

  async stop(): Promise<void> {
    const udp = this.#udp;
    this.#udp = undefined;
    await Promise.all([udp?.close(), this.#tcp.close()]);
  }

  /** The port of a listener; without a listener for it, the other's. */
  port(transport: SipTransport): number {
    const udp = this.#udp?.port ?? 0;
    return transport === 'udp' ? udp || this.#tcp.port : this.#tcp.port || udp;
  }

  /**
   * Sends a request. One that is too large for UDP goes by TCP when the peer takes it. Resolves with the transport that was
   * used; rejects when the hop cannot be reached.
   */
  async sendRequest(hop: Hop, makeBytes: (transport: SipTransport) => Buffer): Promise<SipTransport> {
    const first = makeBytes(hop.transport);
    if (hop.transport === 'tcp' || this.#udp === undefined) {
      await this.#sendByTcp(hop, hop.transport === 'tcp' ? first : makeBytes('tcp'));
      return 'tcp';
    }
    if (first.length > udpRequestBytes && (await this.#sendLarge(hop, makeBytes))) return 'tcp';
    await this.#udp.send(first, hop);
    return 'udp';
  }

  /** Sends a response where RFC 3261 §18.2.2 says: over the connection of its request, else to `fallback`. */
  async sendResponse(connection: TcpConnection | undefined, fallback: Hop, bytes: Buffer): Promise<void> {
    if (connection?.open === true) return connection.send(bytes);
    if (fallback.transport === 'tcp') return this.#sendByTcp(fallback, bytes);
    return this.#udp?.send(bytes, fallback);
  }

  /** CRLF keep-alive (RFC 5626 §3.5.1) that keeps a NAT binding open; failures do not matter. */
  async keepAlive(hop: Hop): Promise<void> {
    const ping = Buffer.from('\r\n\r\n');
    if (hop.transport === 'udp') await this.#udp?.send(ping, hop).catch(() => {});
  }

  async #sendByTcp(hop: Address, bytes: Buffer, connectMs = tcpConnectMs): Promise<void> {
    const connection = await this.#tcp.to(hop, connectMs);
    await connection.send(bytes);
  }

  /** True when the message left by TCP. */
  async #sendLarge(hop: Hop, makeBytes: (transport: SipTransport) => Buffer): Promise<boolean> {
    const refusedAt = this.#withoutTcp.get(hopKey(hop));
    if (refusedAt !== undefined && Date.now() - refusedAt < noTcpMs) return false;
    try {
      await this.#sendByTcp(hop, makeBytes('tcp'), trialConnectMs);
      this.#withoutTcp.delete(hopKey(hop));
      return true;
    } catch {
      if (this.#withoutTcp.size > 1_000) this.#withoutTcp.clear();
      this.#withoutTcp.set(hopKey(hop), Date.now());
      return false;
    }
  }

  async #bind(): Promise<void> {
    const { address, port, transports, log } = this.#options;
    if (transports.includes('udp')) {
      const udp = new UdpListener({
        address,
        port,
        log,
        onDatagram: (bytes, source) => this.#datagram(bytes, source),
      });
      await udp.bind();
      this.#udp = udp;
    }
    if (transports.includes('tcp')) await this.#tcp.listen(address, this.#udp?.port ?? port);
  }

  #datagram(bytes: Buffer, source: Address): void {
    if (bytes.length <= 4 && isBlank(bytes)) return;
    this.#options.onPacket({ bytes, transport: 'udp', source, connection: undefined });
  }

  #makeTcp(): TcpFlows {
    const { log, onPacket, onDrop } = this.#options;
    return new TcpFlows({
      log,
      messageBytes: messageLimits.messageBytes,
      times: tcpTimes,
      perPeer: 1_000,
      onFault: onDrop,
      onLost: (peer) => this.#options.onLost?.({ transport: 'tcp', ...peer }),
      onMessage: (bytes, connection) =>
        onPacket({ bytes, transport: 'tcp', source: connection.source, connection }),
    });
  }
}

/** Keep-alives of RFC 5626 and of old user agents: line ends and NULs. */
function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0x0d || byte === 0x0a || byte === 0);
}
