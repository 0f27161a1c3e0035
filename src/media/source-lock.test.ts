import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SourceLock } from './source-lock.ts';

const nat = { address: '192.168.1.20', port: 4000 };
const phone = { address: '198.51.100.7', port: 61_000 };
const stranger = { address: '203.0.113.9', port: 5000 };
const trunk = { address: '9.9.9.9', port: 4000 };

/** Sends `count` consecutive packets; answers what was said to each. */
function send(
  lock: SourceLock,
  from: { address: string; port: number },
  count: number,
  ssrc = 1,
  first = 10,
) {
  return Array.from({ length: count }, (_, index) => lock.refuses(from, ssrc, 0, (first + index) & 0xffff));
}

test('the phone at its SDP address is heard from the first packet on', () => {
  const lock = new SourceLock(trunk);
  assert.deepEqual(send(lock, trunk, 2), [undefined, undefined]);
  assert.deepEqual(lock.destination, trunk);
});

test('a phone behind a NAT is found after four packets, and then nobody else is', () => {
  const lock = new SourceLock(nat);
  assert.deepEqual(send(lock, phone, 5), [
    'source-address',
    'source-address',
    'source-address',
    undefined,
    undefined,
  ]);
  assert.deepEqual(lock.destination, phone);
  assert.ok(send(lock, stranger, 50).every((answer) => answer === 'source-address'));
  assert.ok(send(lock, nat, 50).every((answer) => answer === 'source-address'));
  assert.deepEqual(lock.destination, phone);
});

test('a sprayer without a run of sequence numbers or with changing ports gets nothing', () => {
  const lock = new SourceLock(nat);
  for (let packet = 0; packet < 500; packet += 1) {
    assert.equal(lock.refuses(stranger, 7, 0, (packet * 977) & 0xffff), 'source-address');
    assert.equal(lock.refuses({ ...stranger, port: 1024 + packet }, 7, 0, packet), 'source-address');
  }
  assert.deepEqual(lock.destination, nat);
});

test('media to a public SDP address never follows a stranger', () => {
  const lock = new SourceLock(trunk);
  send(lock, stranger, 10);
  assert.deepEqual(lock.destination, trunk);
});

test('another port of the signalled host is followed', () => {
  const lock = new SourceLock(trunk);
  const moved = { ...trunk, port: 4444 };
  send(lock, moved, 4);
  assert.deepEqual(lock.destination, moved);
});

test('a new SSRC of the phone itself is believed after four packets', () => {
  const lock = new SourceLock(trunk);
  send(lock, trunk, 1, 1);
  assert.deepEqual(send(lock, trunk, 4, 2, 65_534), ['ssrc', 'ssrc', 'ssrc', undefined]);
  assert.equal(lock.ssrc, 2);
});

test('RTCP is taken only from the hosts of the RTP', () => {
  const lock = new SourceLock(nat);
  send(lock, phone, 4);
  assert.deepEqual(
    [nat, phone, stranger].map(({ address }) => lock.isPeer(address)),
    [true, true, false],
  );
});
