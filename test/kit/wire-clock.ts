/** What `performance.now()` lacks to the clock that all processes of a machine share (CLOCK_MONOTONIC), in milliseconds. */
const offset = measuredOffset();

/** Milliseconds on the monotonic clock of the machine: comparable between processes, unlike `performance.now()`. */
export const wireNow = (): number => performance.now() + offset;

/** A time of this process's `performance.now()` on the machine's clock. */
export const wireTime = (performanceMs: number): number => performanceMs + offset;

/** The clocks cannot be read at one instant: of many attempts the closest counts. */
function measuredOffset(): number {
  let best = { width: Number.POSITIVE_INFINITY, offset: 0 };
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const before = performance.now();
    const machine = Number(process.hrtime.bigint()) / 1e6;
    const after = performance.now();
    if (after - before < best.width) best = { width: after - before, offset: machine - (before + after) / 2 };
  }
  return best.offset;
}
