/** What a byte stream holds: complete messages and RFC 5626 §3.5.1 keep-alive pings; a fault ends the connection. */
export type Frame =
  | { readonly kind: 'message'; readonly bytes: Buffer }
  | { readonly kind: 'ping' }
  | { readonly kind: 'fault'; readonly reason: 'too-large' | 'no-content-length' };

const endOfHead = Buffer.from('\r\n\r\n');
const contentLength = /\r\n(?:content-length|l)[ \t]*:[ \t]*(?:\r\n[ \t]+)?(\d{1,9})[ \t]*(?=\r\n)/i;

/** Cuts a stream at Content-Length, counted in bytes (RFC 3261 §18.3). Holds at most one message. */
export class StreamFramer {
  readonly #limit: number;
  #pending: Buffer = Buffer.alloc(0);
  /** Length of the message whose head is complete; avoids reading the head again with every chunk. */
  #expected = 0;

  constructor(messageBytes: number) {
    this.#limit = messageBytes;
  }

  /** True while a message has begun and is not complete. */
  get midMessage(): boolean {
    return this.#pending.length > 0;
  }

  *push(chunk: Buffer): Generator<Frame> {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    while (this.#pending.length > 0) {
      if (this.#expected === 0) {
        const blanks = this.#skipLineEnds();
        if (blanks >= 2) yield { kind: 'ping' };
        const fault = this.#readHead();
        if (fault !== undefined) {
          this.#pending = Buffer.alloc(0);
          yield { kind: 'fault', reason: fault };
          return;
        }
      }
      if (this.#expected === 0 || this.#pending.length < this.#expected) return;
      const bytes = this.#pending.subarray(0, this.#expected);
      this.#pending = this.#pending.subarray(this.#expected);
      this.#expected = 0;
      yield { kind: 'message', bytes };
    }
  }

  /** Number of line ends before the next message: two are a ping, one is the answer to ours. */
  #skipLineEnds(): number {
    let count = 0;
    while (this.#pending[count * 2] === 0x0d && this.#pending[count * 2 + 1] === 0x0a) count += 1;
    this.#pending = this.#pending.subarray(count * 2);
    return count;
  }

  #readHead(): 'too-large' | 'no-content-length' | undefined {
    const end = this.#pending.indexOf(endOfHead);
    if (end < 0) return this.#pending.length > this.#limit ? 'too-large' : undefined;
    const stated = contentLength.exec(this.#pending.toString('latin1', 0, end + 2))?.[1];
    if (stated === undefined) return 'no-content-length';
    this.#expected = end + 4 + Number(stated);
    return this.#expected > this.#limit ? 'too-large' : undefined;
  }
}
