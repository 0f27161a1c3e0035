/** Work gives way no longer than this, milliseconds: a thread that is always late would else never finish a handshake. */
const longestYield = 10;

/**
 * Work that holds the thread for several milliseconds, such as the public-key cryptography of a DTLS handshake: one piece in each turn of
 * the event loop, so that a burst of calls delays the ticks of running ones by one piece and not by all. What is more urgent goes first.
 */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  #isScheduled = false;
  #isUrgent = (): boolean => false;
  #yieldingSince: number | undefined;

  get waiting(): number {
    return this.#waiting.length;
  }

  /** While `isUrgent` something else shall run; but work goes on after some milliseconds in any case. */
  yieldTo(isUrgent: () => boolean): void {
    this.#isUrgent = isUrgent;
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

  #yields(): boolean {
    if (!this.#isUrgent()) {
      this.#yieldingSince = undefined;
      return false;
    }
    const now = performance.now();
    this.#yieldingSince ??= now;
    if (now - this.#yieldingSince < longestYield) return true;
    this.#yieldingSince = undefined;
    return false;
  }

  #next(): void {
    this.#isScheduled = false;
    if (this.#yields()) {
      this.#schedule();
      return;
    }
    try {
      this.#waiting.shift()?.();
    } finally {
      this.#schedule();
    }
  }
}

/** Those of this thread. */
export const heavyWork = new Turns();
