import { createCipheriv, createDecipheriv } from 'node:crypto';

/** AES in counter mode with one key, in place. */
export interface CounterCipher {
  /** Adds the keystream that begins with the 16 bytes of `counter` to `packet[start…end)`. May change `counter`. */
  add(packet: Buffer, start: number, end: number, counter: Buffer): void;
  /** Gives its memory back. To use it after that is a bug, and may throw. */
  free(): void;
}

/** AES-128-GCM with one key, in place, with tags of 16 bytes. What is authenticated besides is `associated[0…length)`. */
export interface SealingCipher {
  /** Encrypts `packet[start…end)` and writes the tag behind it. */
  seal(packet: Buffer, start: number, end: number, iv: Buffer, associated: Buffer, length: number): void;
  /** Decrypts `packet[start…end)`, behind which lies the tag. False when the tag is wrong; what is there then is worth nothing. */
  open(packet: Buffer, start: number, end: number, iv: Buffer, associated: Buffer, length: number): boolean;
  /** As `CounterCipher.free`. */
  free(): void;
}

export interface PacketCiphers {
  counter(key: Buffer): CounterCipher;
  sealing(key: Buffer): SealingCipher;
  /** Sealing costs less than counter mode and HMAC-SHA-1. */
  readonly sealsFaster: boolean;
}

export const GCM_TAG = 16;
/** Larger than any datagram that we take. */
const MAX_BLOCKS = 4096 / 16;
const algorithm = 'aes-128-gcm';
const options = { authTagLength: GCM_TAG };
const nothing = Buffer.alloc(0);

/** By node:crypto. One long-lived ECB cipher makes the keystream of all packets: to set up a cipher for each costs more than encrypting. */
class NodeCounterCipher implements CounterCipher {
  readonly #cipher;
  readonly #counters = Buffer.alloc(MAX_BLOCKS * 16);

  constructor(key: Buffer) {
    this.#cipher = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false);
  }

  add(packet: Buffer, start: number, end: number, counter: Buffer): void {
    const blocks = (end - start + 15) >> 4;
    const counters = this.#counters;
    for (let block = 0; block < blocks; block++) {
      counter.copy(counters, block * 16, 0, 14);
      counters.writeUInt16BE(block, block * 16 + 14);
    }
    const stream = this.#cipher.update(counters.subarray(0, blocks * 16));
    for (let at = start, from = 0; at < end; at++, from++) {
      packet[at] = (packet[at] as number) ^ (stream[from] as number);
    }
  }

  free(): void {}
}

class NodeSealingCipher implements SealingCipher {
  readonly #key: Buffer;

  constructor(key: Buffer) {
    this.#key = key;
  }

  seal(packet: Buffer, start: number, end: number, iv: Buffer, associated: Buffer, length: number): void {
    const cipher = createCipheriv(algorithm, this.#key, iv, options);
    cipher.setAAD(associated.subarray(0, length));
    cipher.update(packet.subarray(start, end)).copy(packet, start);
    cipher.final();
    cipher.getAuthTag().copy(packet, end);
  }

  open(packet: Buffer, start: number, end: number, iv: Buffer, associated: Buffer, length: number): boolean {
    const decipher = createDecipheriv(algorithm, this.#key, iv, options);
    decipher.setAAD(associated.subarray(0, length));
    decipher.setAuthTag(packet.subarray(end, end + GCM_TAG));
    const plain = end > start ? decipher.update(packet.subarray(start, end)) : nothing;
    try {
      decipher.final();
    } catch {
      return false; // the only way in which node says that the tag is wrong
    }
    plain.copy(packet, start);
    return true;
  }

  free(): void {}
}

export const nodeCiphers: PacketCiphers = {
  counter: (key) => new NodeCounterCipher(key),
  sealing: (key) => new NodeSealingCipher(key),
  sealsFaster: false,
};

let inUse = nodeCiphers;

/** Those of this thread. */
export function packetCiphers(): PacketCiphers {
  return inUse;
}

/** Contexts that are made from now on use these. */
export function usePacketCiphers(ciphers: PacketCiphers): void {
  inUse = ciphers;
}
