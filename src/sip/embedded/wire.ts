import type { SipTransport } from '../../config/config.ts';
import type { Counters } from '../counters.ts';
import { parseNameAddr } from '../name-addr.ts';
import { hostInUri, parseUri, type SipUri } from '../sip-uri.ts';
import { HopHealth } from '../transport/hop-health.ts';
import { type Hop, hopKey } from '../transport/packet.ts';
import { RefusalProbe } from '../transport/refusal-probe.ts';
import type { SipSockets } from '../transport/sip-sockets.ts';

export interface WireOptions {
  readonly sockets: SipSockets;
  readonly counters: Counters;
  /** Address that peers shall use for us instead of the local one. */
  readonly publicAddress: string | undefined;
}

interface Stoppable {
  stop(): void;
}

/** What the channels of all transactions share: sockets, addresses, and a list of what still has timers. */
export class Wire {
  readonly sockets: SipSockets;
  readonly counters: Counters;
  readonly health = new HopHealth();
  readonly #publicAddress: string | undefined;
  readonly #live = new Set<Stoppable>();
  readonly #onLost = new Set<(hop: Hop) => void>();
  /** One probe per hop at a time, however many calls go there. */
  readonly #probes = new Map<string, Set<() => void>>();

  constructor(options: WireOptions) {
    this.sockets = options.sockets;
    this.counters = options.counters;
    this.#publicAddress = options.publicAddress;
  }

  /** Next hop of a URI (RFC 3261 §8.1.2). Rejects when it cannot be resolved. */
  async resolve(uri: SipUri): Promise<Hop> {
    if (uri.scheme !== 'sip') throw new Error(`no transport for ${uri.scheme}:`);
    const transport: SipTransport = uri.parameters.get('transport')?.toLowerCase() === 'tcp' ? 'tcp' : 'udp';
    return { transport, address: await this.sockets.resolver.resolve(uri.host), port: uri.port ?? 5060 };
  }

  /** First Route, else the Request-URI. */
  resolveText(requestUri: string, route: string | undefined): Promise<Hop> {
    const uri = route === undefined ? parseUri(requestUri) : parseNameAddr(route)?.uri;
    return uri === undefined ? Promise.reject(new Error('next hop is no URI')) : this.resolve(uri);
  }

  /** `host:port` that a peer reaches us by. */
  publicHostPort(localAddress: string, transport: SipTransport): string {
    return `${hostInUri(this.#publicAddress ?? localAddress)}:${this.sockets.port(transport)}`;
  }

  /** Contact value of ours towards a peer. */
  contact(user: string, localAddress: string, transport: SipTransport): string {
    const host = this.publicHostPort(localAddress, transport);
    return `<sip:${user === '' ? '' : `${user}@`}${host}${transport === 'tcp' ? ';transport=tcp' : ''}>`;
  }

  /** Calls back when the hop's UDP port turns out to be closed. */
  watchRefusal(hop: Hop, onRefused: () => void): void {
    if (hop.transport !== 'udp') return;
    const key = hopKey(hop);
    const running = this.#probes.get(key);
    if (running !== undefined) {
      running.add(onRefused);
      return;
    }
    const listeners = new Set([onRefused]);
    const tell = (): void => listeners.forEach((listener) => void listener());
    const probe: RefusalProbe = new RefusalProbe(hop, tell, () => {
      this.#probes.delete(key);
      this.release(probe);
    });
    this.#probes.set(key, listeners);
    this.keep(probe);
  }

  /** Calls back when a connection to a peer has closed; what it returns ends that. */
  watchConnections(onLost: (hop: Hop) => void): () => void {
    this.#onLost.add(onLost);
    return () => this.#onLost.delete(onLost);
  }

  connectionLost(hop: Hop): void {
    for (const tell of this.#onLost) tell(hop);
  }

  keep(live: Stoppable): void {
    this.#live.add(live);
  }

  release(live: Stoppable): void {
    this.#live.delete(live);
  }

  stop(): void {
    for (const live of this.#live) live.stop();
    this.#live.clear();
  }
}
