/** Turns in a row in which work gives way; a thread that is always late would else never finish a handshake. */
const mostYields = 20;

/**
 * Work that holds the thread for several milliseconds, such as the public-key cryptography of a DTLS handshake: one piece in each turn of
 * the event loop, so that a burst of calls delays the ticks of running ones by one piece and not by all. What is more urgent goes first.
 */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  #isScheduled = false;
  #isUrgent = (): boolean => false;
  #yields = 0;

  get waiting(): number {
    return this.#waiting.length;
  }

  /** While `isUrgent` something else shall run; but work goes on after some turns in any case. */
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

  #next(): void {
    this.#isScheduled = false;
    if (this.#yields < mostYields && this.#isUrgent()) {
      this.#yields += 1;
      this.#schedule();
      return;
    }
    this.#yields = 0;
    try {
      this.#waiting.shift()?.();
    } finally {
      this.#schedule();
    }
  }
}

/** Those of this thread. */
export const heavyWork = new Turns();
