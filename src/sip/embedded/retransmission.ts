import { Timers } from './sip-js.ts';

/**
 * Repeats a message over UDP: after T1, then each time after twice the time, at most `cap`, for 64·T1 (RFC 3261 §17: timer A
 * without cap, timers E and G with T2).
 */
export class Retransmission {
  readonly #send: () => void;
  readonly #cap: number;
  readonly #onEnd: () => void;
  #timer: NodeJS.Timeout | undefined;
  #interval = Timers.T1;
  #elapsed = 0;

  /** `onEnd`: 64·T1 are over and nobody called `stop`. */
  constructor(send: () => void, cap: number, onEnd: () => void = () => {}) {
    this.#send = send;
    this.#onEnd = onEnd;
    this.#cap = cap;
    this.#arm();
  }

  /** Timer E after a provisional response: every T2 (RFC 3261 §17.1.2.2). */
  slowDown(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#interval = Timers.T2;
    this.#arm();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(): void {
    const left = 64 * Timers.T1 - this.#elapsed;
    const last = this.#interval >= left;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        if (last) {
          this.#onEnd();
          return;
        }
        this.#elapsed += this.#interval;
        this.#interval = Math.min(this.#interval * 2, this.#cap);
        this.#send();
        this.#arm();
      },
      last ? left : this.#interval,
    );
  }
}
