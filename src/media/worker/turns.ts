/**
 * Work that holds the thread for several milliseconds, such as the public-key cryptography of a DTLS handshake: one piece in each turn of
 * the event loop, so that a burst of calls delays the ticks of running ones by one piece and not by all.
 */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  #isScheduled = false;

  get waiting(): number {
    return this.#waiting.length;
  }

  /** `work` must not throw. */
  add(work: () => void): void {
    this.#waiting.push(work);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#waiting.length === 0) return;
    this.#isScheduled = true;
    setImmediate(() => this.#next());
  }

  #next(): void {
    this.#isScheduled = false;
    try {
      this.#waiting.shift()?.();
    } finally {
      this.#schedule();
    }
  }
}

/** Those of this thread. */
export const heavyWork = new Turns();
