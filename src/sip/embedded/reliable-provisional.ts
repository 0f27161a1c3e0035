import { randomInt } from 'node:crypto';
import { headerLine } from '../header-line.ts';
import type { Headers } from '../message.ts';
import { Retransmission } from './retransmission.ts';

export interface ReliableProvisionalOptions {
  /** Writes the response for the first time, with these header lines; the text that is to be repeated. */
  readonly send: (lines: readonly string[]) => string;
  readonly repeat: (text: string) => void;
  /** It has a description: until it is acknowledged there must be no 2xx (RFC 3262 §3). */
  readonly describes: boolean;
  readonly onAcknowledged: () => void;
  /** 64·T1 are over and no PRACK came: the INVITE must be refused (RFC 3262 §3). */
  readonly onGivenUp: () => void;
}

/**
 * The provisional responses to one INVITE that the caller must acknowledge (RFC 3262 §3): repeated until their PRACK comes,
 * also over TCP as a proxy on the way may use UDP; one at a time.
 */
export class ReliableProvisional {
  readonly #cseq: number;
  readonly #waiting: ReliableProvisionalOptions[] = [];
  #sequence = randomInt(1, 2 ** 30);
  #current:
    | { readonly options: ReliableProvisionalOptions; readonly retransmission: Retransmission }
    | undefined;

  /** `cseq`: of the INVITE. */
  constructor(cseq: number) {
    this.#cseq = cseq;
  }

  /** True while a description waits for its acknowledgement. */
  get pending(): boolean {
    return this.#current?.options.describes === true || this.#waiting.some(({ describes }) => describes);
  }

  send(options: ReliableProvisionalOptions): void {
    if (this.#current !== undefined) {
      this.#waiting.push(options);
      return;
    }
    this.#sequence += 1;
    const lines = [headerLine('Require', '100rel'), headerLine('RSeq', String(this.#sequence))];
    const text = options.send(lines);
    const repeat = (): void => options.repeat(text);
    const giveUp = (): void => {
      this.stop();
      options.onGivenUp();
    };
    this.#current = { options, retransmission: new Retransmission(repeat, Number.POSITIVE_INFINITY, giveUp) };
  }

  /** True when a PRACK acknowledges what is being repeated (RFC 3262 §7.2); any other one gets 481. */
  acknowledge(prack: Headers): boolean {
    const rack = /^\s*(\d{1,10})\s+(\d{1,10})\s+INVITE\s*$/i.exec(prack.get('rack') ?? '');
    const current = this.#current;
    if (current === undefined || Number(rack?.[1]) !== this.#sequence || Number(rack?.[2]) !== this.#cseq)
      return false;
    current.retransmission.stop();
    this.#current = undefined;
    current.options.onAcknowledged();
    const next = this.#waiting.shift();
    if (next !== undefined) this.send(next);
    return true;
  }

  /** The final response is on its way: nothing is repeated, and a PRACK that comes late is still taken. */
  rest(): void {
    this.#waiting.length = 0;
    this.#current?.retransmission.stop();
  }

  stop(): void {
    this.#current?.retransmission.stop();
    this.#current = undefined;
    this.#waiting.length = 0;
  }
}
