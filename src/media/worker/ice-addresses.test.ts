import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { hostCandidates, isReachable } from './ice-addresses.ts';
import { bindIceSocket } from './ice-socket.ts';

const loopback = { address: '127.0.0.1', port: 1 };
const elsewhere = { address: '192.0.2.77', port: 1 };

test('a bridge elsewhere is told the addresses of this machine, a bridge on loopback those of loopback', () => {
  const machine = hostCandidates('0.0.0.0', 4000, [loopback, elsewhere]).map(({ address }) => address);
  assert.ok(machine.every((address) => !address.startsWith('127.') && address !== '::1'));
  const local = hostCandidates('0.0.0.0', 4000, [loopback]).map(({ address }) => address);
  assert.ok(local.includes('127.0.0.1'));
});

test('a configured address is the only one that is told', () => {
  const [only, ...none] = hostCandidates('192.0.2.5', 4000, [elsewhere]);
  assert.deepEqual(none, []);
  assert.equal(only?.address, '192.0.2.5');
  assert.equal(only?.port, 4000);
  assert.equal(only?.type, 'host');
});

test('checks go to unicast addresses of our own families only', () => {
  const reached = [
    '192.0.2.1',
    '2001:db8::1',
    '224.0.0.1',
    '255.255.255.255',
    '0.0.0.0',
    'ff02::1',
    'fe80::1',
    'host.local',
  ];
  const filter = (bound: string) =>
    reached.filter((address) => isReachable(bound, { address, port: 10_000 }));
  assert.deepEqual(filter('0.0.0.0'), ['192.0.2.1', '2001:db8::1']);
  assert.deepEqual(filter('192.0.2.5'), ['192.0.2.1']);
  assert.deepEqual(filter('2001:db8::5'), ['2001:db8::1']);
  for (const port of [0, -1, 65_536, 1.5, Number.NaN]) {
    assert.equal(isReachable('0.0.0.0', { address: '192.0.2.1', port }), false);
  }
});

const hasIpv6 = Object.values(networkInterfaces()).some((list) =>
  list?.some(({ address }) => address === '::1'),
);

test('one port serves IPv4 and IPv6 candidates', { skip: !hasIpv6 && 'no IPv6 here' }, async (t) => {
  const heard = Promise.withResolvers<string>();
  const events = { onDatagram: () => {}, onError: (errno: string) => heard.resolve(errno) };
  const ours = await bindIceSocket('0.0.0.0', 0, [{ address: '::1', port: 9 }], events);
  const theirs = await bindIceSocket('::1', 0, [], {
    onDatagram: (_datagram, from) => heard.resolve(`${from.address} ${from.port}`),
    onError: (errno) => heard.resolve(errno),
  });
  assert.ok(ours.ok && theirs.ok);
  t.after(() => Promise.all([ours.value.close(), theirs.value.close()]));
  ours.value.send(Buffer.from('x'), { address: '::1', port: theirs.value.port });
  assert.equal(await heard.promise, `::1 ${ours.value.port}`);
});
