import type { Log } from '../log.ts';
import { backoff } from './backoff.ts';
import { ComponentStream, type StreamEnd } from './component-stream.ts';
import type { StanzaLimits } from './framer.ts';
import { SafeEmitter } from './safe-emitter.ts';
import { type Element, serialise } from './stanza.ts';

export interface LinkOptions {
  readonly host: string;
  readonly port: number;
  readonly domain: string;
  readonly secret: string;
  /** After so long without a sign of life Prosody is asked for one; after twice as long the connection counts as dead. */
  readonly quietMs: number;
}

export interface LinkEvents {
  online: [];
  offline: [];
  stanza: [stanza: Element];
  /** A stanza over the limits; `head` is its opening tag when that was readable. */
  dropped: [head: Element | undefined, why: string];
  /** Nothing was heard for a while: send something that gets an answer. */
  quiet: [];
}

/** A refusal that cannot heal by itself; the message says what to change where. */
export class ComponentRefused extends Error {
  readonly condition: string;

  constructor(condition: string, message: string) {
    super(message);
    this.name = 'ComponentRefused';
    this.condition = condition;
  }
}

const limits: StanzaLimits = { characters: 64 * 1024, depth: 32 };
const openMs = 5000;
const outboxCharacters = 1024 * 1024;
const firstDelayMs = 250;
const longestDelayMs = 5000;
const complaintPauseMs = 10_000;
/** Prosody may open its port before all of its hosts are loaded: only the third `host-unknown` is final. */
const patience = 3;

/** The component connection that always comes back: one `ComponentStream` after another, with back-off of at most 5 s. */
export class ComponentLink extends SafeEmitter<LinkEvents> {
  readonly #options: LinkOptions;
  readonly #log: Log;
  #stream: ComponentStream | undefined;
  #online = false;
  #stopped = false;
  #everOnline = false;
  #attempt = 0;
  #unknownHost = 0;
  #retry: NodeJS.Timeout | undefined;
  #watch: NodeJS.Timeout | undefined;
  #lastHeard = 0;
  #lastComplaint = Number.NEGATIVE_INFINITY;
  #starting: { resolve: () => void; reject: (why: Error) => void } | undefined;
  /** Stanzas that were dropped, by reason; for the statistics. */
  readonly drops: Record<string, number> = {};

  constructor(options: LinkOptions, log: Log) {
    super(log);
    this.#options = options;
    this.#log = log;
  }

  get online(): boolean {
    return this.#online;
  }

  /** Resolves when first online; rejects with `ComponentRefused`. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#starting = { resolve, reject };
      this.#connect();
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#retry);
    clearInterval(this.#watch);
    await this.#stream?.close();
    this.#starting?.reject(new Error('stopped before the component was online'));
    this.#starting = undefined;
  }

  /** False when it could not be sent: there is no queue for later, since what waits is stale after a reconnection. */
  send(stanza: Element): boolean {
    const sent = this.#stream?.send(serialise(stanza)) ?? false;
    if (!sent) this.#count('outbox');
    return sent;
  }

  #connect(): void {
    const { host, port, domain, secret } = this.#options;
    this.#stream = new ComponentStream(
      { host, port, domain, secret, limits, openMs, outboxCharacters },
      {
        online: () => this.#nowOnline(),
        stanza: (stanza) => this.tell('stanza', stanza),
        dropped: (head, why) => this.#dropped(head, why),
        alive: () => {
          this.#lastHeard = performance.now();
        },
        ended: (end) => this.#ended(end),
      },
    );
  }

  #nowOnline(): void {
    this.#online = true;
    this.#everOnline = true;
    this.#attempt = 0;
    this.#log.info({ component: this.#options.domain }, 'Component connected');
    clearInterval(this.#watch);
    this.#watch = setInterval(() => this.#listenForSilence(), this.#options.quietMs / 3).unref();
    this.tell('online');
    this.#starting?.resolve();
    this.#starting = undefined;
  }

  /** A half-open connection is silent: after a quiet time something is asked, and silence after that ends it. */
  #listenForSilence(): void {
    const { quietMs } = this.#options;
    const silence = performance.now() - this.#lastHeard;
    if (silence > 2 * quietMs) this.#stream?.abort('Prosody is silent');
    else if (silence > quietMs) this.tell('quiet');
  }

  #ended(end: StreamEnd): void {
    const wasOnline = this.#online;
    this.#online = false;
    clearInterval(this.#watch);
    if (wasOnline) this.tell('offline');
    if (this.#stopped) return;
    const refusal = this.#refusal(end);
    const final = refusal !== undefined && !this.#everOnline;
    this.#unknownHost = end.condition === 'host-unknown' ? this.#unknownHost + 1 : 0;
    if (final && (end.condition !== 'host-unknown' || this.#unknownHost >= patience)) {
      this.#giveUp(refusal);
      return;
    }
    const delayMs = backoff(this.#attempt++, firstDelayMs, longestDelayMs);
    const context = { component: this.#options.domain, condition: end.condition, reason: end.text, delayMs };
    if (refusal !== undefined) this.#log.error(context, refusal.message);
    else if (end.condition === 'conflict') this.#log.error(context, conflict(this.#options));
    else this.#log.warn(context, 'Component connection lost or refused; trying again');
    this.#retry = setTimeout(() => this.#connect(), delayMs);
  }

  #giveUp(refusal: ComponentRefused): void {
    this.#stopped = true;
    this.#starting?.reject(refusal);
    this.#starting = undefined;
  }

  #refusal(end: StreamEnd): ComponentRefused | undefined {
    const { domain, host, port } = this.#options;
    if (end.condition === 'not-authorized') {
      return new ComponentRefused(
        end.condition,
        `Prosody at ${host}:${port} refused the secret of ${domain}: --secret must equal component_secret under Component "${domain}" in Prosody's configuration`,
      );
    }
    if (end.condition === 'host-unknown') {
      return new ComponentRefused(
        end.condition,
        `Prosody at ${host}:${port} knows no component ${domain}: add Component "${domain}" with component_secret to its configuration, or correct --domain and --subdomain`,
      );
    }
    return undefined;
  }

  #dropped(head: Element | undefined, why: string): void {
    this.#count(why === 'characters' || why === 'depth' ? why : 'malformed');
    const now = performance.now();
    // Whoever floods us shall not flood the log.
    if (now - this.#lastComplaint > complaintPauseMs) {
      this.#lastComplaint = now;
      const context = { why, from: head?.attrs.from, kind: head?.name, total: { ...this.drops } };
      this.#log.warn(context, 'Stanza dropped before it was read');
    }
    this.tell('dropped', head, why);
  }

  #count(reason: string): void {
    this.drops[reason] = (this.drops[reason] ?? 0) + 1;
  }
}

function conflict({ domain }: LinkOptions): string {
  return `Another gateway is connected as ${domain}; Prosody keeps the first one. Stop it, or give this one its own component`;
}
