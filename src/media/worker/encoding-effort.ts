/** Complexities of Opus: what a worker that has time may take, and what one takes that has not. */
export const fullEffort = 10;
export const frugalEffort = 1;
/** A worker is busy when it works for more than this part of its time, for so many seconds in a row (set-ups are short)… */
const busyAbove = 0.85;
const busySeconds = 3;
/** …until it works for less than this. */
const idleBelow = 0.7;
/** A tick that comes so late asks for relief at once, and has it for so long; where there is less work than this, it is not the encoders' fault. */
const lateMs = 6;
const reliefMs = 3000;
const reliefAbove = 0.5;

/** Decides with how much effort a worker encodes: fewer calls each sound a little better, more calls still fit. Pure: knows no clock. */
export class EncodingEffort {
  #seconds = 0;
  #isBusy = false;
  #utilization = 0;
  #relievedUntil = Number.NEGATIVE_INFINITY;

  /** Before each run of ticks: how late it is. `now` in milliseconds. */
  ticked(tickLateMs: number, now: number): void {
    if (tickLateMs > lateMs && this.#utilization > reliefAbove) this.#relievedUntil = now + reliefMs;
  }

  /** Once a second: the part of it in which the worker was busy. */
  second(utilization: number): void {
    this.#utilization = utilization;
    this.#seconds = utilization > busyAbove ? this.#seconds + 1 : 0;
    if (this.#seconds >= busySeconds) this.#isBusy = true;
    else if (utilization < idleBelow) this.#isBusy = false;
  }

  /** The most complexity that is wise now. */
  at(now: number): number {
    return this.#isBusy || now < this.#relievedUntil ? frugalEffort : fullEffort;
  }
}
