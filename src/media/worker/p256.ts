import { createECDH } from 'node:crypto';
import { p256 } from '@noble/curves/p256';

const curve = 'prime256v1';

/**
 * werift does the key agreement of DTLS in JavaScript (@noble/curves), which holds the thread for 4 to 10 ms, in which no tick runs.
 * OpenSSL needs a tenth of a millisecond: from now on its functions stand in the library's object. Answers false, and leaves the
 * object as it is, when the library is not as we know it.
 */
export function useNativeP256(): boolean {
  const secret = p256.utils.randomPrivateKey();
  const point = p256.getPublicKey(p256.utils.randomPrivateKey(), false);
  try {
    if (!isSame(p256.getPublicKey(secret, false), publicKey(secret, false))) return false;
    if (!isSame(p256.getSharedSecret(secret, point), sharedSecret(secret, point))) return false;
    Object.assign(p256, { getPublicKey: publicKey, getSharedSecret: sharedSecret });
    return true;
  } catch {
    return false;
  }
}

function publicKey(secret: Uint8Array, isCompressed = true): Uint8Array {
  const key = createECDH(curve);
  key.setPrivateKey(secret);
  return Uint8Array.from(key.getPublicKey(null, isCompressed ? 'compressed' : 'uncompressed'));
}

/** The shared point, compressed as the library gives it; of its first byte, the sign of y, DTLS has no use. Throws on a point off the curve. */
function sharedSecret(secret: Uint8Array, point: Uint8Array): Uint8Array {
  const key = createECDH(curve);
  key.setPrivateKey(secret);
  return Uint8Array.from([2, ...key.computeSecret(point)]);
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.subarray(1).every((byte, at) => byte === other[at + 1]);
}
