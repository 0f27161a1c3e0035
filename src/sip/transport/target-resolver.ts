import type { NaptrRecord, SrvRecord } from 'node:dns';
import { isIP } from 'node:net';
import type { SipTransport } from '../../config/config.ts';
import { bareHost } from '../sip-uri.ts';
import type { NameService } from './name-service.ts';
import type { Hop } from './packet.ts';

/** Where a SIP URI points to. */
export interface Target {
  readonly host: string;
  readonly port: number | undefined;
  /** Undefined: the name service decides (RFC 3263 §4.1). */
  readonly transport: SipTransport | undefined;
}

export interface TargetResolverOptions {
  readonly names: NameService;
  /** Families that we have a socket of, preferred first. */
  readonly families: readonly (4 | 6)[];
  readonly now?: () => number;
  /** 0 to 1; for tests. */
  readonly random?: () => number;
}

interface Known {
  readonly hops: readonly Hop[];
  /** Milliseconds. */
  readonly until: number;
}

interface Server {
  readonly transport: SipTransport;
  readonly host: string;
  readonly port: number;
}

const usualSeconds = 30;
const longestSeconds = 300;
/** So long what was known is used when the name service fails. */
const staleMs = 3_600_000;
const targetsKept = 1_000;
const hopsKept = 16;
const services = new Map<string, SipTransport>([
  ['SIP+D2U', 'udp'],
  ['SIP+D2T', 'tcp'],
  ['SIPS+D2T', 'tls'],
]);
const srvNames: Readonly<Record<SipTransport, string>> = {
  udp: '_sip._udp.',
  tcp: '_sip._tcp.',
  tls: '_sips._tcp.',
};

/** From a host in a SIP URI to the addresses to try, in order (RFC 3263). */
export class TargetResolver {
  readonly #options: TargetResolverOptions;
  readonly #known = new Map<string, Known>();

  constructor(options: TargetResolverOptions) {
    this.#options = options;
  }

  /** At least one hop. Rejects when the host has no address of our families. */
  async resolve(target: Target): Promise<[Hop, ...Hop[]]> {
    const host = bareHost(target.host);
    if (isIP(host) !== 0) {
      const transport = target.transport ?? 'udp';
      return [{ transport, address: host, port: target.port ?? defaultPort(transport) }];
    }
    const key = `${host} ${target.port} ${target.transport}`;
    const now = (this.#options.now ?? Date.now)();
    const known = this.#known.get(key);
    if (known !== undefined && known.until > now) return atLeastOne(known.hops, host);
    try {
      const { hops, seconds } = await this.#ask(host, target);
      if (this.#known.size >= targetsKept) this.#known.clear();
      this.#known.set(key, { hops, until: now + seconds * 1000 });
      return atLeastOne(hops, host);
    } catch (error) {
      if (known !== undefined && known.until + staleMs > now) return atLeastOne(known.hops, host);
      throw error;
    }
  }

  async #ask(host: string, target: Target): Promise<{ hops: Hop[]; seconds: number }> {
    const servers = await this.#servers(host, target);
    const asked = await Promise.allSettled(servers.map((server) => this.#hopsOf(server, host)));
    const found = asked.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    const hops = found.flatMap((result) => result.hops).slice(0, hopsKept);
    const failed = asked.find((result) => result.status === 'rejected');
    if (hops.length === 0 && failed !== undefined) throw failed.reason;
    return { hops, seconds: Math.min(longestSeconds, ...found.map(({ seconds }) => seconds)) };
  }

  /** RFC 3263 §4.1 and §4.2: a port in the URI leaves nothing to ask but the address. */
  async #servers(host: string, { port, transport }: Target): Promise<Server[]> {
    const plain = transport ?? 'udp';
    if (port !== undefined) return [{ transport: plain, host, port }];
    const byService = transport === undefined ? await this.#byNaptr(host) : [];
    if (byService.length > 0) return byService;
    const asked: SipTransport[] = transport === undefined ? ['udp', 'tcp'] : [transport];
    const bySrv = await Promise.all(asked.map((one) => this.#bySrv(srvNames[one] + host, one)));
    const servers = bySrv.flat();
    return servers.length > 0 ? servers : [{ transport: plain, host, port: defaultPort(plain) }];
  }

  async #byNaptr(host: string): Promise<Server[]> {
    const records = (await this.#options.names.naptr(host)).filter(isForSip);
    records.sort((a, b) => a.order - b.order || a.preference - b.preference);
    const lists = await Promise.all(
      records.map(({ service, replacement }) =>
        this.#bySrv(replacement, services.get(service.toUpperCase()) ?? 'udp'),
      ),
    );
    return lists.flat();
  }

  async #bySrv(name: string, transport: SipTransport): Promise<Server[]> {
    const records = await this.#options.names.srv(name);
    // RFC 2782: a single dot says that the service is not there.
    const usable = records.filter((record) => record.name !== '' && record.name !== '.');
    const ordered = inOrder(usable, this.#options.random ?? Math.random);
    return ordered.map((record) => ({ transport, host: record.name, port: record.port }));
  }

  async #hopsOf({ transport, host, port }: Server, name: string): Promise<{ hops: Hop[]; seconds: number }> {
    const { families, names } = this.#options;
    const asked = await Promise.allSettled(families.map((family) => names.addresses(host, family)));
    const found = asked.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    const failed = asked.find((result) => result.status === 'rejected');
    if (found.length === 0 && failed !== undefined) throw failed.reason;
    // RFC 5922 §7.1: the certificate is for the domain of the URI, not for the name that SRV gave.
    const hops = found.flatMap(({ addresses }) =>
      addresses.map((address) => ({ transport, address, port, name })),
    );
    return { hops, seconds: Math.max(1, Math.min(...found.map(({ seconds }) => seconds ?? usualSeconds))) };
  }
}

function isForSip({ flags, service }: NaptrRecord): boolean {
  return flags.toLowerCase() === 's' && services.has(service.toUpperCase());
}

/** By priority; within one by chance, in proportion to the weights (RFC 2782). */
export function inOrder(records: readonly SrvRecord[], random: () => number): SrvRecord[] {
  const ordered: SrvRecord[] = [];
  const priorities = [...new Set(records.map(({ priority }) => priority))].sort((a, b) => a - b);
  for (const priority of priorities) {
    const left = records.filter((record) => record.priority === priority).sort((a, b) => a.weight - b.weight);
    while (left.length > 0) {
      const total = left.reduce((sum, { weight }) => sum + weight, 0);
      const mark = random() * total;
      let sum = 0;
      const index = left.findIndex(({ weight }) => {
        sum += weight;
        return sum >= mark;
      });
      ordered.push(...left.splice(Math.max(0, index), 1));
    }
  }
  return ordered;
}

function defaultPort(transport: SipTransport): number {
  return transport === 'tls' ? 5_061 : 5_060;
}

function atLeastOne([first, ...others]: readonly Hop[], host: string): [Hop, ...Hop[]] {
  if (first === undefined) throw new Error(`${host} has no address that we can reach`);
  return [first, ...others];
}
