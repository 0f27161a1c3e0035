import assert from 'node:assert/strict';
import type { NaptrRecord, SrvRecord } from 'node:dns';
import { test } from 'node:test';
import type { NameService } from './name-service.ts';
import { inOrder, TargetResolver } from './target-resolver.ts';

interface Zone {
  readonly naptr?: Readonly<Record<string, readonly NaptrRecord[]>>;
  readonly srv?: Readonly<Record<string, readonly SrvRecord[]>>;
  readonly addresses?: Readonly<Record<string, readonly string[]>>;
  readonly seconds?: number;
}

function names(zone: () => Zone): NameService & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    async naptr(name) {
      asked.push(`NAPTR ${name}`);
      return zone().naptr?.[name] ?? [];
    },
    async srv(name) {
      asked.push(`SRV ${name}`);
      return zone().srv?.[name] ?? [];
    },
    async addresses(name, family) {
      asked.push(`A${family} ${name}`);
      const found = (zone().addresses?.[name] ?? []).filter(
        (address) => address.includes(':') === (family === 6),
      );
      if (found.length === 0) throw new Error(`ENOTFOUND ${name}`);
      return { addresses: [...found], seconds: zone().seconds };
    },
  };
}

const srv = (name: string, port: number, priority = 1, weight = 1): SrvRecord => ({
  name,
  port,
  priority,
  weight,
});
const naptr = (service: string, order: number, replacement: string): NaptrRecord => ({
  flags: 's',
  service,
  regexp: '',
  replacement,
  order,
  preference: 1,
});

async function resolved(
  zone: Zone,
  target: Partial<Parameters<TargetResolver['resolve']>[0]> & { host: string },
) {
  const service = names(() => zone);
  const resolver = new TargetResolver({ names: service, families: [4] });
  const hops = await resolver.resolve({ port: undefined, transport: undefined, ...target });
  return {
    hops: hops.map(({ transport, address, port }) => `${transport} ${address}:${port}`),
    asked: service.asked,
  };
}

test('an address asks nobody; TLS has its own port', async () => {
  const plain = await resolved({}, { host: '192.0.2.1' });
  assert.deepEqual(plain, { hops: ['udp 192.0.2.1:5060'], asked: [] });
  assert.deepEqual((await resolved({}, { host: '192.0.2.1', transport: 'tls' })).hops, [
    'tls 192.0.2.1:5061',
  ]);
  assert.deepEqual((await resolved({}, { host: '[2001:db8::1]', port: 5070 })).hops, [
    'udp 2001:db8::1:5070',
  ]);
});

test('a port leaves only the address to ask for', async () => {
  const { hops, asked } = await resolved(
    { addresses: { pbx: ['192.0.2.1', '192.0.2.2'] } },
    { host: 'pbx', port: 5080 },
  );
  assert.deepEqual(hops, ['udp 192.0.2.1:5080', 'udp 192.0.2.2:5080']);
  assert.deepEqual(asked, ['A4 pbx']);
});

test('NAPTR chooses the transport, in its order; services that are not ours are passed over', async () => {
  const zone: Zone = {
    naptr: {
      'pbx.test': [
        naptr('SIP+D2U', 30, '_sip._udp.pbx.test'),
        naptr('SIP+D2W', 10, '_sip._ws.pbx.test'),
        naptr('SIPS+D2T', 20, '_sips._tcp.pbx.test'),
      ],
    },
    srv: { '_sips._tcp.pbx.test': [srv('a.test', 5061)], '_sip._udp.pbx.test': [srv('b.test', 5062)] },
    addresses: { 'a.test': ['192.0.2.1'], 'b.test': ['192.0.2.2'] },
  };
  assert.deepEqual((await resolved(zone, { host: 'pbx.test' })).hops, [
    'tls 192.0.2.1:5061',
    'udp 192.0.2.2:5062',
  ]);
});

test('without NAPTR each SRV is asked, and with a transport only its own', async () => {
  const zone: Zone = {
    srv: { '_sip._tcp.pbx.test': [srv('b.test', 5070, 20), srv('a.test', 5060, 10)] },
    addresses: { 'a.test': ['192.0.2.1'], 'b.test': ['192.0.2.2'], 'pbx.test': ['192.0.2.9'] },
  };
  const both = ['tcp 192.0.2.1:5060', 'tcp 192.0.2.2:5070'];
  assert.deepEqual((await resolved(zone, { host: 'pbx.test' })).hops, both);
  assert.deepEqual((await resolved(zone, { host: 'pbx.test', transport: 'tcp' })).hops, both);
  assert.deepEqual((await resolved(zone, { host: 'pbx.test', transport: 'udp' })).hops, [
    'udp 192.0.2.9:5060',
  ]);
});

test('one server of SRV that cannot be resolved leaves the others; the certificate is for the name that was asked for', async () => {
  const service = names(() => ({
    srv: { '_sips._tcp.pbx.test': [srv('gone.test', 5061, 1), srv('a.test', 5061, 2)] },
    addresses: { 'a.test': ['192.0.2.1'] },
  }));
  const resolver = new TargetResolver({ names: service, families: [4] });
  const hops = await resolver.resolve({ host: 'pbx.test', port: undefined, transport: 'tls' });
  assert.deepEqual(hops, [{ transport: 'tls', address: '192.0.2.1', port: 5061, name: 'pbx.test' }]);
});

test('both families are used when we have sockets of both', async () => {
  const service = names(() => ({ addresses: { pbx: ['192.0.2.1', '2001:db8::1'] } }));
  const resolver = new TargetResolver({ names: service, families: [4, 6] });
  const hops = await resolver.resolve({ host: 'pbx', port: 5060, transport: 'udp' });
  assert.deepEqual(
    hops.map(({ address }) => address),
    ['192.0.2.1', '2001:db8::1'],
  );
});

test('an answer is kept for its TTL, and longer when the name service fails', async () => {
  let zone: Zone = { addresses: { pbx: ['192.0.2.1'] }, seconds: 10 };
  let now = 0;
  const service = names(() => zone);
  const resolver = new TargetResolver({ names: service, families: [4], now: () => now });
  const address = async (): Promise<string> =>
    (await resolver.resolve({ host: 'pbx', port: 1, transport: 'udp' }))[0].address;
  assert.equal(await address(), '192.0.2.1');
  zone = { addresses: { pbx: ['192.0.2.2'] }, seconds: 10 };
  now = 9_999;
  assert.equal(await address(), '192.0.2.1');
  now = 10_000;
  assert.equal(await address(), '192.0.2.2');
  zone = {};
  now = 30_000;
  assert.equal(await address(), '192.0.2.2');
  now = 30_000 + 3_600_000;
  await assert.rejects(address(), /ENOTFOUND/);
});

test('SRV: lower priority first; within one the weights decide how often each comes first', () => {
  const records = [srv('heavy', 1, 1, 90), srv('light', 1, 1, 10), srv('later', 1, 2, 1000)];
  let state = 1;
  const random = (): number => {
    state = (state * 16_807) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  const first = new Map<string, number>();
  for (let round = 0; round < 2_000; round += 1) {
    const order = inOrder(records, random).map(({ name }) => name);
    assert.equal(order[2], 'later');
    first.set(order[0] ?? '', (first.get(order[0] ?? '') ?? 0) + 1);
  }
  const light = first.get('light') ?? 0;
  assert.ok(light > 140 && light < 260, String(light));
});
