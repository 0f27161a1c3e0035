import type { WorkerLoad } from './protocol.ts';

/** When a worker takes no more calls. Overload here is a cliff: ticks go from 5 ms late to 100 within a tenth more calls. */
export interface AdmissionLimits {
  /** Part of the time that the worker's event loop may be busy, 0…1. */
  readonly utilization: number;
  /** Lateness of its ticks, 99th percentile of a second, milliseconds. */
  readonly tickLatenessMs: number;
  /** Ticks of a second that may be left out. */
  readonly ticksSkipped: number;
}

export const defaultLimits: AdmissionLimits = { utilization: 0.85, tickLatenessMs: 10, ticksSkipped: 0 };

/** So few calls are no overload of ours: something else keeps the machine busy, and to refuse would not help. */
const alwaysAdmitted = 10;
/** Seconds in a row above a limit before calls are refused: set-ups are short. */
const patience = 3;
/** Seconds without a word after which a worker is believed to hang. */
const silentSeconds = 5;
/** Of each new second's utilisation, this part is taken. */
const weight = 0.3;

/** What the main thread knows of one worker's state. It hears from the worker once a second, and asks once a second itself. */
export class WorkerHealth {
  /** 0…1, smoothed. */
  utilization = 0;
  readonly #limits: AdmissionLimits;
  #overloaded = 0;
  /** Counted from its first word: how long it takes to start depends on the machine. */
  #silent = Number.NEGATIVE_INFINITY;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  /** The worker told of its last second. */
  told({ utilization, ticks }: WorkerLoad): void {
    this.#silent = 0;
    this.utilization += (utilization - this.utilization) * weight;
    const isOver =
      this.utilization > this.#limits.utilization ||
      ticks.p99Ms > this.#limits.tickLatenessMs ||
      ticks.skipped > this.#limits.ticksSkipped;
    this.#overloaded = isOver ? this.#overloaded + 1 : 0;
  }

  /** True when it may take one call more. */
  admits(calls: number): boolean {
    return calls < alwaysAdmitted || this.#overloaded < patience;
  }

  /** A second of the main thread's own passes; true when the worker hangs. (When all of the process stood still, nobody counts.) */
  second(): boolean {
    this.#silent += 1;
    return this.#silent > silentSeconds;
  }
}
