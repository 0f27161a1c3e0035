import type { SipAccount } from '../../config/config.ts';
import type { Log } from '../../log.ts';
import { headerLine } from '../header-line.ts';
import { parseUri } from '../sip-uri.ts';
import { type Hop, hopKey } from '../transport/packet.ts';
import { addressOfRecord, displayNameOf, hopsOf } from './account.ts';
import type { EmbeddedCore } from './core.ts';
import { ExactUri } from './incoming-message.ts';
import { randomToken } from './outgoing-message.ts';
import { transact } from './transact.ts';
import type { Wire } from './wire.ts';

/** One server of the account, as the last OPTIONS found it. */
export interface PeerState {
  readonly hop: Hop;
  readonly up: boolean;
}

/** A ping that nobody answers takes up to 32 s (timer F): a server stays down at least until the next one has had its time. */
const silenceSeconds = 35;

/**
 * Asks each server of an account with OPTIONS (RFC 3261 §11) and marks it up or down, so that calls and registrations go to one
 * that is up without waiting for one that is not.
 */
export class PeerWatch {
  readonly #account: SipAccount;
  readonly #core: EmbeddedCore;
  readonly #wire: Wire;
  readonly #log: Log;
  readonly #seconds: number;
  readonly #states = new Map<string, PeerState>();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(account: SipAccount, seconds: number, core: EmbeddedCore, wire: Wire, log: Log) {
    this.#account = account;
    this.#core = core;
    this.#wire = wire;
    this.#log = log;
    this.#seconds = seconds;
  }

  get states(): readonly PeerState[] {
    return [...this.#states.values()];
  }

  start(): void {
    if (this.#seconds > 0) this.#plan(0);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #plan(ms: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#round().then(
        () => this.#plan(this.#seconds * 1000 * (0.9 + 0.2 * Math.random())),
        () => this.#plan(this.#seconds * 1000),
      );
    }, ms).unref();
  }

  async #round(): Promise<void> {
    const hops = await hopsOf(this.#account, this.#wire);
    // With one there is no choice to make.
    if (hops.length === 1) return;
    const current = new Set(hops.map(hopKey));
    for (const key of this.#states.keys()) if (!current.has(key)) this.#states.delete(key);
    await Promise.all(hops.map((hop) => this.#ping(hop)));
  }

  async #ping(hop: Hop): Promise<void> {
    const { domain } = this.#account;
    const target = parseUri(`sip:${domain}`);
    const from = addressOfRecord(this.#account);
    if (target === undefined || from === undefined) return;
    const uri = new ExactUri(target);
    const { response } = await transact(this.#core, this.#wire, {
      method: 'OPTIONS',
      target: uri,
      from,
      to: uri,
      fromDisplayName: displayNameOf(this.#account),
      callId: randomToken(),
      nextCseq: () => 1,
      lines: async () => [headerLine('Accept', 'application/sdp')],
      hops: [hop],
      // Whatever it answers, also 401, it is there.
      digest: undefined,
    });
    if (this.#stopped) return;
    const up = response !== undefined && response.status !== 503;
    if (!up) this.#wire.health.failed(hop, this.#seconds + silenceSeconds);
    this.#note(hop, up, response === undefined ? 'no answer' : String(response.status));
  }

  #note(hop: Hop, up: boolean, answer: string): void {
    const key = hopKey(hop);
    const before = this.#states.get(key)?.up;
    this.#states.set(key, { hop, up });
    if (before === up || (before === undefined && up)) return;
    const context = { event: up ? 'peer-up' : 'peer-down', peer: key, answer };
    if (up) this.#log.info(context, 'SIP peer is up');
    else this.#log.warn(context, 'SIP peer is down');
  }
}
