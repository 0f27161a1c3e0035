import { splitOutside } from './header-text.ts';
import type { NameAddr } from './name-addr.ts';
import type { SipUri } from './sip-uri.ts';
import type { Via } from './via.ts';

/** A received message that passed the parser. Header values are wire text: one character per byte. */
export type SipMessage = SipRequest | SipResponse;

export interface SipRequest extends SipHead {
  readonly kind: 'request';
  readonly method: string;
  readonly uri: SipUri;
}

export interface SipResponse extends SipHead {
  readonly kind: 'response';
  readonly status: number;
  readonly reason: string;
  /** Method of the request that it answers, from CSeq. */
  readonly method: string;
}

export interface SipHead {
  readonly headers: Headers;
  /** Top Via. */
  readonly via: Via;
  readonly callId: string;
  readonly cseq: number;
  readonly from: NameAddr;
  readonly to: NameAddr;
  /** Decoded as UTF-8; empty without a body. */
  readonly body: string;
}

/** Header values by lower-case full name (compact forms are expanded), in order of appearance. */
export class Headers {
  readonly #values = new Map<string, string[]>();

  add(name: string, value: string): void {
    const present = this.#values.get(name);
    if (present === undefined) this.#values.set(name, [value]);
    else present.push(value);
  }

  set(name: string, values: string[]): void {
    this.#values.set(name, values);
  }

  /** First value. */
  get(name: string): string | undefined {
    return this.#values.get(name)?.[0];
  }

  all(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /** All values of a header that is a comma-separated list. */
  list(name: string): string[] {
    const values = this.all(name);
    const [only] = values;
    if (only === undefined) return [];
    return values.length === 1
      ? splitOutside(only, ',')
      : values.flatMap((value) => splitOutside(value, ','));
  }

  entries(): IterableIterator<[string, readonly string[]]> {
    return this.#values.entries();
  }
}
