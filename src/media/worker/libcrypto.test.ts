import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { GCM_TAG, nodeCiphers } from '../packet-ciphers.ts';
import { loadLibcrypto } from './libcrypto.ts';

const native = await loadLibcrypto();
const lengths = [0, 1, 15, 16, 17, 60, 100, 160, 1200];

test('this Node.js exports its OpenSSL', () => {
  assert.ok(native);
});

test('counter mode gives the bytes of node:crypto, wherever the packet begins', () => {
  const key = randomBytes(16);
  const [one, other] = [nodeCiphers.counter(key), native?.counter(key)];
  for (const length of lengths) {
    const counter = Buffer.concat([randomBytes(14), Buffer.alloc(2)]);
    const packet = randomBytes(12 + length);
    const copy = Buffer.from(packet);
    one.add(packet, 12, packet.length, Buffer.from(counter));
    other?.add(copy, 12, copy.length, Buffer.from(counter));
    assert.deepEqual(copy, packet);
  }
});

test('what one seals the other opens, and nothing that was changed', () => {
  const key = randomBytes(16);
  const ciphers = [nodeCiphers.sealing(key), native?.sealing(key)];
  for (const [sealer, opener] of [ciphers, ciphers.toReversed()]) {
    assert.ok(sealer && opener);
    for (const length of lengths) {
      const iv = randomBytes(12);
      const packet = randomBytes(12 + length + GCM_TAG);
      const plain = Buffer.from(packet.subarray(0, 12 + length));
      const end = 12 + length;
      sealer.seal(packet, 12, end, iv, packet, 12);
      for (let byte = 12; byte < packet.length; byte += 5) {
        const forged = Buffer.from(packet);
        forged[byte] = (forged[byte] as number) ^ 1;
        assert.equal(opener.open(forged, 12, end, iv, forged, 12), false, `byte ${byte}`);
      }
      const otherHeader = Buffer.from(packet.subarray(0, 12));
      otherHeader[3] = (otherHeader[3] as number) ^ 1;
      assert.equal(opener.open(Buffer.from(packet), 12, end, iv, otherHeader, 12), false);
      // A refused packet leaves the cipher as it was.
      assert.equal(opener.open(packet, 12, end, iv, packet, 12), true);
      assert.deepEqual(packet.subarray(0, end), plain);
    }
  }
});

test('a cipher that was freed lets no packet through in clear, and can be freed again', () => {
  const [counter, sealing] = [native?.counter(randomBytes(16)), native?.sealing(randomBytes(16))];
  for (const cipher of [counter, sealing, counter, sealing]) cipher?.free();
  const packet = Buffer.alloc(100);
  assert.throws(() => counter?.add(packet, 12, 60, Buffer.alloc(16)), /freed/);
  assert.throws(() => sealing?.seal(packet, 12, 60, Buffer.alloc(12), packet, 12), /freed/);
  assert.throws(() => sealing?.open(packet, 12, 60, Buffer.alloc(12), packet, 12), /freed/);
});

test('freed contexts leave no memory behind', () => {
  const before = process.memoryUsage().rss;
  for (let call = 0; call < 100_000; call++) native?.sealing(randomBytes(16)).free();
  // A hundred thousand pairs of a kilobyte, were they kept.
  const grownMiB = (process.memoryUsage().rss - before) / 2 ** 20;
  assert.ok(grownMiB < 64, `${grownMiB.toFixed(0)} MiB`);
});
