import type { SystemCalls } from './system-calls.ts';

/** Datagrams that one call reads. */
const COUNT = 32;
/** A datagram of media is shorter than this; a longer one is nothing for us. */
const DATA_BYTES = 2048;
/** `struct mmsghdr` of 64-bit Linux: name, name length, buffers, their number, control, its length, flags, length. */
const HEADER_BYTES = 64;
const IOVEC_BYTES = 16;
const NAME_BYTES = 32;
const CONTROL_BYTES = 64;
/** 32-bit words in a header. */
const HEADER_WORDS = HEADER_BYTES / 4;
const NAME_LENGTH_WORD = 2;
const CONTROL_LENGTH_WORD = 10;
const FLAGS_WORD = 12;
const LENGTH_WORD = 14;
const MSG_TRUNC = 0x20;
/** Words of a control message: length (64 bit), level, type, seconds (64 bit), nanoseconds. */
const SOL_SOCKET = 1;
const SCM_TIMESTAMPNS = 35;

/** One batch of datagrams, read by one recvmmsg(2) into memory that C and we both see. */
export class DatagramBatch {
  static readonly size = COUNT;
  readonly #calls: SystemCalls;
  readonly #headersAt: number;
  readonly #headers: Int32Array;
  readonly #controls: Uint32Array;
  readonly #names: Uint32Array;
  readonly #nameBytes: Buffer;
  readonly #data: Buffer;
  #used = 0;

  constructor(calls: SystemCalls) {
    this.#calls = calls;
    const each = HEADER_BYTES + IOVEC_BYTES + NAME_BYTES + CONTROL_BYTES + DATA_BYTES;
    const { address, bytes } = calls.library.allocate(COUNT * each);
    const iovecs = COUNT * HEADER_BYTES;
    const names = iovecs + COUNT * IOVEC_BYTES;
    const controls = names + COUNT * NAME_BYTES;
    const data = controls + COUNT * CONTROL_BYTES;
    this.#headersAt = Number(address);
    this.#headers = new Int32Array(bytes, 0, COUNT * HEADER_WORDS);
    this.#names = new Uint32Array(bytes, names, (COUNT * NAME_BYTES) / 4);
    this.#nameBytes = Buffer.from(bytes, names, COUNT * NAME_BYTES);
    this.#controls = new Uint32Array(bytes, controls, (COUNT * CONTROL_BYTES) / 4);
    this.#data = Buffer.from(bytes, data, COUNT * DATA_BYTES);
    const pointers = new DataView(bytes);
    for (let at = 0; at < COUNT; at++) {
      const pointer = (offset: number, to: number): void => {
        pointers.setBigUint64(offset, address + BigInt(to), true);
      };
      pointer(at * HEADER_BYTES, names + at * NAME_BYTES);
      pointer(at * HEADER_BYTES + 16, iovecs + at * IOVEC_BYTES);
      pointers.setBigUint64(at * HEADER_BYTES + 24, 1n, true);
      pointer(at * HEADER_BYTES + 32, controls + at * CONTROL_BYTES);
      pointer(iovecs + at * IOVEC_BYTES, data + at * DATA_BYTES);
      pointers.setBigUint64(iovecs + at * IOVEC_BYTES + 8, BigInt(DATA_BYTES), true);
    }
    this.#used = COUNT;
  }

  /** Reads what waits in a socket, 32 datagrams at most: how many. What was read before is gone then. */
  read(fd: number): number {
    for (let at = 0; at < this.#used; at++) {
      this.#headers[at * HEADER_WORDS + NAME_LENGTH_WORD] = NAME_BYTES;
      this.#headers[at * HEADER_WORDS + CONTROL_LENGTH_WORD] = CONTROL_BYTES;
    }
    this.#used = Math.max(0, this.#calls.receive(fd, this.#headersAt, COUNT));
    return this.#used;
  }

  /** Longer than any packet of media: what is there is not all. */
  isTruncated(at: number): boolean {
    return ((this.#headers[at * HEADER_WORDS + FLAGS_WORD] as number) & MSG_TRUNC) !== 0;
  }

  /** A copy, for its owner to keep and to change. */
  datagram(at: number): Buffer {
    const length = this.#headers[at * HEADER_WORDS + LENGTH_WORD] as number;
    const copy = Buffer.allocUnsafe(length);
    this.#data.copy(copy, 0, at * DATA_BYTES, at * DATA_BYTES + length);
    return copy;
  }

  /** Whether the sender's address has these words; if not, `words` become its address. */
  isFrom(at: number, words: Uint32Array): boolean {
    const start = (at * NAME_BYTES) / 4;
    const used = (this.#headers[at * HEADER_WORDS + NAME_LENGTH_WORD] as number) >>> 2;
    let isSame = true;
    for (let word = 0; word < used; word++) {
      if (words[word] === this.#names[start + word]) continue;
      isSame = false;
      words[word] = this.#names[start + word] as number;
    }
    return isSame;
  }

  /** The `struct sockaddr` of the sender. */
  name(at: number): Buffer {
    return this.#nameBytes.subarray(at * NAME_BYTES, (at + 1) * NAME_BYTES);
  }

  /** When the kernel got it, ms of the wall clock; undefined: it did not say. */
  arrivalMs(at: number): number | undefined {
    const control = this.#controls;
    const start = (at * CONTROL_BYTES) / 4;
    if (control[start + 2] !== SOL_SOCKET || control[start + 3] !== SCM_TIMESTAMPNS) return undefined;
    const seconds = (control[start + 5] as number) * 2 ** 32 + (control[start + 4] as number);
    return seconds * 1000 + (control[start + 6] as number) / 1e6;
  }
}
