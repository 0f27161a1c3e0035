/** Work gives way no longer than this, milliseconds: a thread that is always late would else never set a call up. */
const longestYield = 10;

/**
 * Turns of the event loop for work that takes a millisecond or more, such as the set-up of a leg: one piece in each, so that a burst of
 * calls delays the ticks of running ones by one piece and not by all. Messages of other threads come many in one turn. What is more urgent goes first.
 */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  readonly #isUrgent: () => boolean;
  #isScheduled = false;
  #yieldingSince: number | undefined;

  /** While `isUrgent` something else shall run; but work goes on after some milliseconds in any case. */
  constructor(isUrgent: () => boolean) {
    this.#isUrgent = isUrgent;
  }

  /** Resolves in the turn in which the piece may be done; first come, first served. */
  take(): Promise<void> {
    const turn = Promise.withResolvers<void>();
    this.#waiting.push(turn.resolve);
    this.#schedule();
    return turn.promise;
  }

  #schedule(): void {
    if (this.#isScheduled || this.#waiting.length === 0) return;
    this.#isScheduled = true;
    setImmediate(() => this.#next());
  }

  #next(): void {
    this.#isScheduled = false;
    if (!this.#yields()) this.#waiting.shift()?.();
    this.#schedule();
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
}
