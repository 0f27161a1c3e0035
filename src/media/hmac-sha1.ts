/**
 * HMAC-SHA-1 (RFC 2104, FIPS 180-4) over packets of one key. The two halves of the key pad are compressed once, so that a
 * packet of 100 bytes costs three compressions in JavaScript, which is less than one call into node:crypto.
 */
export class HmacSha1 {
  readonly #inner: Int32Array;
  readonly #outer: Int32Array;
  readonly #state = new Int32Array(5);
  readonly #block = Buffer.alloc(64);
  /** The tag of the last `compute`: 20 bytes, overwritten by the next. */
  readonly tag: Buffer = Buffer.alloc(20);

  /** `key` has at most 64 bytes. */
  constructor(key: Buffer) {
    this.#inner = padState(key, 0x36);
    this.#outer = padState(key, 0x5c);
  }

  /** Computes `tag` over `data[0…length)` followed by the 32-bit big-endian `suffix`. */
  compute(data: Buffer, length: number, suffix: number): Buffer {
    const state = this.#state;
    const block = this.#block;
    state.set(this.#inner);
    let at = 0;
    for (; at + 64 <= length; at += 64) compress(state, data, at);
    const rest = length - at;
    block.fill(0);
    data.copy(block, 0, at, length);
    this.#finish(rest, suffix, 64 + length + 4);
    this.#writeState(block);
    block.fill(0, 20);
    block[20] = 0x80;
    block.writeUInt32BE((64 + 20) * 8, 60);
    state.set(this.#outer);
    compress(state, block, 0);
    this.#writeState(this.tag);
    return this.tag;
  }

  /** The last one or two blocks: `rest` bytes of data lie in the block; then suffix, 0x80, zeros and the length in bits. */
  #finish(rest: number, suffix: number, totalBytes: number): void {
    const block = this.#block;
    let at = rest;
    for (let shift = 24; shift >= -8; shift -= 8) {
      if (at === 64) {
        compress(this.#state, block, 0);
        block.fill(0);
        at = 0;
      }
      block[at] = shift < 0 ? 0x80 : (suffix >>> shift) & 0xff;
      at += 1;
    }
    if (at > 56) {
      compress(this.#state, block, 0);
      block.fill(0);
    }
    block.writeUInt32BE(totalBytes * 8, 60);
    compress(this.#state, block, 0);
  }

  #writeState(out: Buffer): void {
    for (let word = 0; word < 5; word++) out.writeInt32BE(this.#state[word] as number, word * 4);
  }
}

function padState(key: Buffer, pad: number): Int32Array {
  const block = Buffer.alloc(64, pad);
  for (let at = 0; at < key.length; at++) block[at] = (key[at] as number) ^ pad;
  const state = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0);
  compress(state, block, 0);
  return state;
}

const schedule = new Int32Array(80);

/** One SHA-1 compression of the 64 bytes at `offset` (FIPS 180-4 §6.1.2). */
function compress(state: Int32Array, data: Buffer, offset: number): void {
  const w = schedule;
  for (let t = 0, at = offset; t < 16; t++, at += 4) {
    w[t] =
      ((data[at] as number) << 24) |
      ((data[at + 1] as number) << 16) |
      ((data[at + 2] as number) << 8) |
      (data[at + 3] as number);
  }
  for (let t = 16; t < 80; t++) {
    const x = (w[t - 3] as number) ^ (w[t - 8] as number) ^ (w[t - 14] as number) ^ (w[t - 16] as number);
    w[t] = (x << 1) | (x >>> 31);
  }
  let a = state[0] as number;
  let b = state[1] as number;
  let c = state[2] as number;
  let d = state[3] as number;
  let e = state[4] as number;
  for (let t = 0; t < 80; t++) {
    let f: number;
    if (t < 20) f = ((b & c) | (~b & d)) + 0x5a827999;
    else if (t < 40) f = (b ^ c ^ d) + 0x6ed9eba1;
    else if (t < 60) f = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
    else f = (b ^ c ^ d) + 0xca62c1d6;
    const next = (((a << 5) | (a >>> 27)) + f + e + (w[t] as number)) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  state[0] = ((state[0] as number) + a) | 0;
  state[1] = ((state[1] as number) + b) | 0;
  state[2] = ((state[2] as number) + c) | 0;
  state[3] = ((state[3] as number) + d) | 0;
  state[4] = ((state[4] as number) + e) | 0;
}
