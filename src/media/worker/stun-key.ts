import { createHash, randomBytes } from 'node:crypto';
import { HmacSha1 } from '../hmac-sha1.ts';

const blockBytes = 64;
const idBytes = 12;

/**
 * The password of one side of an ICE session, prepared for MESSAGE-INTEGRITY (RFC 8489 §14.5, short-term credentials). Consent is asked
 * for and answered every second in each call, and node:crypto would begin anew each time.
 */
export class StunKey {
  readonly #hmac: HmacSha1;

  constructor(password: string) {
    const bytes = Buffer.from(password, 'utf8');
    // RFC 2104 §2: a longer key is hashed first.
    this.#hmac = new HmacSha1(bytes.length > blockBytes ? createHash('sha1').update(bytes).digest() : bytes);
  }

  /** The 20 bytes for a message of 20 bytes and more whose length already counts the attribute; valid until the next call. */
  sign(message: Buffer): Buffer {
    const rest = message.length - 4;
    return this.#hmac.compute(message, rest, message.readUInt32BE(rest));
  }
}

let ids = Buffer.alloc(0);

/** 12 random bytes, hexadecimal (RFC 8489 §5). The system is asked for many at once. */
export function newTransactionId(): string {
  if (ids.length === 0) ids = randomBytes(64 * idBytes);
  const id = ids.toString('hex', 0, idBytes);
  ids = ids.subarray(idBytes);
  return id;
}
