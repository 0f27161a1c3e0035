import { monitorEventLoopDelay } from 'node:perf_hooks';
import { wireNow } from './wire-clock.ts';

/** How busy a process of the kit was: when it is late itself, what it measures is late too. */
export interface ProcessLoad {
  /** The machine's clock at the time of the answer. */
  readonly now: number;
  /** Lateness of the event loop in milliseconds since the last question. */
  readonly loopDelay: { readonly p50: number; readonly p99: number; readonly max: number };
  /** CPU seconds of all threads since the start. */
  readonly cpuSeconds: number;
}

const resolutionMs = 2;
const histogram = monitorEventLoopDelay({ resolution: resolutionMs });

/** Of this process. The first question starts the measurement. */
export function processLoad(): ProcessLoad {
  const { user, system } = process.cpuUsage();
  // The histogram holds the time between two wakings, not what it is late.
  const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - resolutionMs);
  const empty = histogram.count === 0;
  const loopDelay = {
    p50: empty ? 0 : late(histogram.percentile(50)),
    p99: empty ? 0 : late(histogram.percentile(99)),
    max: empty ? 0 : late(histogram.max),
  };
  histogram.reset();
  histogram.enable();
  return { now: wireNow(), loopDelay, cpuSeconds: (user + system) / 1e6 };
}
