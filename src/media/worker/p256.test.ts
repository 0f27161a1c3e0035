import assert from 'node:assert/strict';
import { test } from 'node:test';
import { p256 } from '@noble/curves/p256';
import { useNativeP256 } from './p256.ts';

test('@noble/curves agrees on the same keys by OpenSSL as by itself', () => {
  const [one, other] = [p256.utils.randomPrivateKey(), p256.utils.randomPrivateKey()];
  const ours = { ...p256 };
  assert.ok(useNativeP256());
  assert.notEqual(p256.getSharedSecret, ours.getSharedSecret);
  const point = p256.getPublicKey(other, false);
  assert.deepEqual(point, ours.getPublicKey(other, false));
  // werift takes what follows the first byte (RFC 8422 §5.10: the x-coordinate).
  assert.deepEqual(
    p256.getSharedSecret(one, point).subarray(1),
    ours.getSharedSecret(one, point).subarray(1),
  );
});

test('a point that is not on the curve is refused', () => {
  useNativeP256();
  const point = p256.getPublicKey(p256.utils.randomPrivateKey(), false);
  point[64] = (point[64] as number) ^ 1;
  assert.throws(() => p256.getSharedSecret(p256.utils.randomPrivateKey(), point));
  assert.throws(() => p256.getSharedSecret(p256.utils.randomPrivateKey(), new Uint8Array(3)));
});
