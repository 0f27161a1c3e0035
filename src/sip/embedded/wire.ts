import { type BlockList, isIPv6 } from 'node:net';
import type { SipTransport } from '../../config/config.ts';
import type { Counters } from '../counters.ts';
import { parseNameAddr } from '../name-addr.ts';
import { hostInUri, parseUri, type SipUri } from '../sip-uri.ts';
import { toBlockList } from '../source-admission.ts';
import { HopHealth } from '../transport/hop-health.ts';
import { type Hop, hopKey } from '../transport/packet.ts';
import { RefusalProbe } from '../transport/refusal-probe.ts';
import { SeenAddresses } from '../transport/seen-addresses.ts';
import type { SipSockets } from '../transport/sip-sockets.ts';
import type { Address } from '../via.ts';

export interface WireOptions {
  readonly sockets: SipSockets;
  readonly counters: Counters;
  /** Address that peers shall use for us instead of the local one; undefined: as they say that they see us. */
  readonly publicAddress: string | undefined;
  /** The same for media; undefined: that of signalling only when a peer told us. */
  readonly mediaAddress?: string | undefined;
  /** Addresses and CIDR ranges of peers that reach us without a NAT. */
  readonly localNetworks?: readonly string[];
}

interface Stoppable {
  stop(): void;
}

/** What the channels of all transactions share: sockets, addresses, and a list of what still has timers. */
export class Wire {
  readonly sockets: SipSockets;
  readonly counters: Counters;
  readonly health = new HopHealth<Hop>(hopKey);
  /** Next hops of each account by its name, as they were found last; empty: none was. */
  readonly servers = new Map<string, readonly Hop[]>();
  readonly seen = new SeenAddresses();
  readonly #publicAddress: string | undefined;
  readonly #mediaAddress: string | undefined;
  readonly #localNetworks: BlockList | undefined;
  readonly #live = new Set<Stoppable>();
  readonly #onLost = new Set<(hop: Hop) => void>();
  /** One probe per hop at a time, however many calls go there. */
  readonly #probes = new Map<string, Set<() => void>>();

  constructor(options: WireOptions) {
    this.sockets = options.sockets;
    this.counters = options.counters;
    this.#publicAddress = options.publicAddress;
    this.#mediaAddress = options.mediaAddress;
    const { localNetworks = [] } = options;
    this.#localNetworks = localNetworks.length === 0 ? undefined : toBlockList(localNetworks);
  }

  /** Next hops of a URI (RFC 3261 §8.1.2), those that failed lately at the end. Rejects when it cannot be resolved. */
  async resolveAll(uri: SipUri): Promise<[Hop, ...Hop[]]> {
    const { host, port } = uri;
    const found = await this.sockets.resolver.resolve({ host, port, transport: transportOf(uri) });
    const [first, ...others] = this.health.order(found);
    return [first ?? found[0], ...others];
  }

  async resolve(uri: SipUri): Promise<Hop> {
    return (await this.resolveAll(uri))[0];
  }

  /** First Route, else the Request-URI. */
  resolveText(requestUri: string, route: string | undefined): Promise<Hop> {
    const uri = route === undefined ? parseUri(requestUri) : parseNameAddr(route)?.uri;
    return uri === undefined ? Promise.reject(new Error('next hop is no URI')) : this.resolve(uri);
  }

  /** `host:port` of our Via towards a peer. */
  sentBy(localAddress: string, { transport, address }: Pick<Hop, 'transport' | 'address'>): string {
    const host = (this.#isLocal(address) ? undefined : this.#publicAddress) ?? localAddress;
    return `${hostInUri(host)}:${this.sockets.port(transport)}`;
  }

  /** Our address for the `c=` line towards a peer. */
  mediaAddress(localAddress: string, peer: Pick<Hop, 'transport' | 'address'>): string {
    if (this.#isLocal(peer.address)) return localAddress;
    return this.#mediaAddress ?? this.#seenBy(peer)?.address ?? localAddress;
  }

  #isLocal(address: string): boolean {
    return this.#localNetworks?.check(address, isIPv6(address) ? 'ipv6' : 'ipv4') ?? false;
  }

  #seenBy(peer: Pick<Hop, 'transport' | 'address'>): Address | undefined {
    return this.#publicAddress === undefined && !this.#isLocal(peer.address)
      ? this.seen.towards(peer)
      : undefined;
  }

  /** Contact value of ours towards a next hop. Rejects when there is no way to it. */
  async contactTowards(user: string, hop: Hop): Promise<string> {
    const [local, port] = await Promise.all([
      this.sockets.localAddresses.towards(hop.address),
      this.sockets.portTowards(hop),
    ]);
    return this.contact(user, local, hop, port);
  }

  /** Contact value of ours under a port. */
  contact(
    user: string,
    localAddress: string,
    peer: Pick<Hop, 'transport' | 'address'>,
    port: number,
  ): string {
    const { transport, address } = peer;
    const seen = this.#seenBy(peer);
    const own = (this.#isLocal(address) ? undefined : this.#publicAddress) ?? localAddress;
    const host = `${hostInUri(seen?.address ?? own)}:${seen?.port ?? port}`;
    return `<sip:${user === '' ? '' : `${user}@`}${host}${transport === 'udp' ? '' : `;transport=${transport}`}>`;
  }

  /** Calls back when the hop's UDP port turns out to be closed, or its connection closes; what it returns ends the latter. */
  watchRefusal(hop: Hop, onRefused: (fault: string) => void): () => void {
    const key = hopKey(hop);
    if (hop.transport === 'udp') {
      this.#probe(hop, () => onRefused('connection refused'));
      return () => {};
    }
    return this.watchConnections((lost) => {
      if (hopKey(lost) === key) onRefused('connection closed');
    });
  }

  #probe(hop: Hop, onRefused: () => void): void {
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

/** RFC 3261 §19.1.2: `sips:` is TLS, else the parameter says, or nothing does. Throws for a scheme that has no transport. */
function transportOf(uri: SipUri): SipTransport | undefined {
  if (uri.scheme === 'sips') return 'tls';
  if (uri.scheme !== 'sip') throw new Error(`no transport for ${uri.scheme}:`);
  const named = uri.parameters.get('transport')?.toLowerCase();
  return named === 'udp' || named === 'tcp' || named === 'tls' ? named : undefined;
}
