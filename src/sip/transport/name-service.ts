import { promises as dns, type NaptrRecord, type SrvRecord } from 'node:dns';

/** What DNS and the machine's own tables say about a name. An empty list: there is nothing of that kind. */
export interface NameService {
  naptr(name: string): Promise<readonly NaptrRecord[]>;
  srv(name: string): Promise<readonly SrvRecord[]>;
  /** Rejects when the name cannot be resolved. `seconds`: how long the answer holds, if known. */
  addresses(
    name: string,
    family: 4 | 6,
  ): Promise<{ readonly addresses: string[]; readonly seconds: number | undefined }>;
}

const patience = { timeout: 1_500, tries: 2 };
const nothing = new Set([
  'ENODATA',
  'ENOTFOUND',
  'ESERVFAIL',
  'EREFUSED',
  'ECONNREFUSED',
  'ETIMEOUT',
  'EBADRESP',
  'ENONAME',
]);

/** As the machine is set up: its hosts file counts, its DNS servers are asked. */
export function systemNames(): NameService {
  const resolver = new dns.Resolver(patience);
  return {
    ...records(resolver),
    async addresses(name, family) {
      const [found, ttl] = await Promise.all([
        dns.lookup(name, { family, all: true }),
        addressesOf(resolver, name, family).then(
          (answer) => answer.seconds,
          () => undefined,
        ),
      ]);
      return { addresses: found.map(({ address }) => address), seconds: ttl };
    },
  };
}

/** From these DNS servers (`address:port`) alone. */
export function namesFrom(servers: readonly string[]): NameService {
  const resolver = new dns.Resolver(patience);
  resolver.setServers(servers);
  return { ...records(resolver), addresses: (name, family) => addressesOf(resolver, name, family) };
}

function records(resolver: dns.Resolver): Pick<NameService, 'naptr' | 'srv'> {
  return {
    naptr: (name) => resolver.resolveNaptr(name).catch(none),
    srv: (name) => resolver.resolveSrv(name).catch(none),
  };
}

async function addressesOf(
  resolver: dns.Resolver,
  name: string,
  family: 4 | 6,
): Promise<{ addresses: string[]; seconds: number | undefined }> {
  const found =
    family === 6
      ? await resolver.resolve6(name, { ttl: true })
      : await resolver.resolve4(name, { ttl: true });
  const seconds = Math.min(...found.map(({ ttl }) => ttl));
  return { addresses: found.map(({ address }) => address), seconds };
}

/** A DNS server that has no such record, or that does not answer such questions, leaves the next way of RFC 3263. */
function none(error: NodeJS.ErrnoException): [] {
  if (nothing.has(error.code ?? '')) return [];
  throw error;
}
