/** What `performance.now()` lacks to the clock that all processes of a machine share (CLOCK_MONOTONIC). */
const offset = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** Milliseconds on the monotonic clock of the machine: comparable between processes, unlike `performance.now()`. */
export const wireNow = (): number => performance.now() + offset;

/** A time of this process's `performance.now()` on the machine's clock. */
export const wireTime = (performanceMs: number): number => performanceMs + offset;
