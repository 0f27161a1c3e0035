import { peerChanged } from '../events.ts';
import type { Log } from '../log.ts';

/** A server of an account, to be asked whether it is there. */
export interface Peer {
  /** For the log. */
  readonly key: string;
  /** Sends OPTIONS (RFC 3261 §11); the status of the answer, undefined: none came. Never rejects. */
  ask(): Promise<number | undefined>;
  /** Nothing goes there for so many seconds unless there is no other. */
  avoid(seconds: number): void;
}

export interface PeerWatchOptions {
  readonly account: string;
  /** Between two rounds; 0: it never asks. */
  readonly seconds: number;
  /** Ask also when there is but one server: another account could do its work. */
  readonly alone: boolean;
  /** The servers of the account as they are now. May reject. */
  readonly peers: () => Promise<readonly Peer[]>;
  /** After each round. */
  readonly onRound: () => void;
  readonly log: Log;
}

/** A ping that nobody answers takes up to 32 s (timer F): a server stays down at least until the next one has had its time. */
const silenceSeconds = 35;

/**
 * Asks each server of an account with OPTIONS and marks it up or down, so that calls and registrations go to one that is up without
 * waiting for one that is not.
 */
export class PeerWatch {
  readonly #options: PeerWatchOptions;
  readonly #up = new Map<string, boolean>();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: PeerWatchOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#options.seconds > 0) this.#plan(0);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #plan(ms: number): void {
    if (this.#stopped) return;
    const { seconds } = this.#options;
    this.#timer = setTimeout(() => {
      this.#round().then(
        () => this.#plan(seconds * 1000 * (0.9 + 0.2 * Math.random())),
        () => this.#plan(seconds * 1000),
      );
    }, ms).unref();
  }

  async #round(): Promise<void> {
    const peers = await this.#options.peers();
    // With one there may be no choice to make.
    if (peers.length === 1 && !this.#options.alone) return;
    const current = new Set(peers.map(({ key }) => key));
    for (const key of this.#up.keys()) if (!current.has(key)) this.#up.delete(key);
    await Promise.all(peers.map((peer) => this.#ask(peer)));
    if (!this.#stopped) this.#options.onRound();
  }

  async #ask(peer: Peer): Promise<void> {
    const { seconds, account, log } = this.#options;
    const status = await peer.ask();
    if (this.#stopped) return;
    // Whatever it answers, also 401, it is there.
    const up = status !== undefined && status !== 503;
    if (!up) peer.avoid(seconds + silenceSeconds);
    const before = this.#up.get(peer.key);
    this.#up.set(peer.key, up);
    if (before === up || (before === undefined && up)) return;
    peerChanged(log, {
      account,
      peer: peer.key,
      up,
      answer: status === undefined ? 'no answer' : String(status),
    });
  }
}
