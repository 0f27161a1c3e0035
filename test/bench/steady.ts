import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../kit/until.ts';
import { type HeapFigures, Inspector } from './inspector.ts';
import { LoadStage } from './load-stage.ts';
import { rounded } from './percentiles.ts';

/** What the gateway holds while no call is there. */
export interface Holding {
  /** Calls that it has had. */
  readonly after: number;
  readonly threads: readonly HeapFigures[];
  /** MiB of objects and buffers, all threads, after a garbage collection. */
  readonly heapMiB: number;
  /** MiB of compiled code; grows slowly for as long as more functions get hot. */
  readonly codeMiB: number;
  readonly residentMiB: number;
  readonly descriptors: number;
  /** Media ports that are bound. */
  readonly mediaPorts: number;
  /** What keeps event loops alive, all threads. */
  readonly resources: number;
}

export interface SteadyReport {
  readonly calls: number;
  readonly atOnce: number;
  /** Calls before the first holding. */
  readonly warmUp: number;
  readonly holdings: readonly Holding[];
  /** Heap of the second half's growth, KiB for each call. */
  readonly growthPerCallKiB: number;
}

/** Calls that the process has before the first figures: code is compiled, caches and pools are filled. */
const warmUp = 20;

/** Calls in small batches, one batch after another; what the process holds before, half-way and after. */
export async function measureSteadiness(calls: number, atOnce: number): Promise<SteadyReport> {
  const stage = await LoadStage.start({ nodeArguments: ['--inspect=127.0.0.1:0'] });
  try {
    await stage.openRooms(atOnce);
    const inspector = await Inspector.connect(stage.bench.gateway.text);
    await runCalls(stage, warmUp, atOnce);
    const holdings = [await hold(stage, inspector, 0)];
    for (const part of [calls / 2, calls]) {
      await runCalls(stage, part - (holdings.at(-1)?.after ?? 0), atOnce);
      holdings.push(await hold(stage, inspector, part));
    }
    inspector.close();
    return { calls, atOnce, warmUp, holdings, growthPerCallKiB: growth(holdings) };
  } finally {
    await stage.stop();
  }
}

async function runCalls(stage: LoadStage, count: number, atOnce: number): Promise<void> {
  for (let done = 0; done < count; done += atOnce) {
    const batch = Array.from({ length: Math.min(atOnce, count - done) }, (_, index) => stage.place(index));
    const placed = await Promise.all(batch);
    await delay(300);
    await Promise.all(placed.map((call) => stage.hangUp(call)));
  }
}

async function hold({ bench }: LoadStage, inspector: Inspector, after: number): Promise<Holding> {
  const { gateway } = bench;
  // Transactions of SIP remember a call for 32 s (RFC 3261 timers B, H and J), and that is no leak.
  await delay(35_000);
  await until('the media ports are free', () => gateway.mediaPorts().length === 0);
  const threads = await inspector.heaps();
  const bytes = threads.reduce((sum, { objects, arrayBuffers }) => sum + objects + arrayBuffers, 0);
  const code = threads.reduce((sum, thread) => sum + thread.code, 0);
  return {
    after,
    threads,
    heapMiB: rounded(bytes / 2 ** 20, 2),
    codeMiB: rounded(code / 2 ** 20, 2),
    residentMiB: rounded(gateway.usage().residentBytes / 2 ** 20),
    descriptors: gateway.sockets().descriptors,
    mediaPorts: gateway.mediaPorts().length,
    resources: threads.reduce(
      (sum, { resources }) => sum + Object.values(resources).reduce((all, count) => all + count, 0),
      0,
    ),
  };
}

function growth(holdings: readonly Holding[]): number {
  const [middle, last] = holdings.slice(-2);
  if (middle === undefined || last === undefined) return Number.NaN;
  return rounded(((last.heapMiB - middle.heapMiB) * 1024) / (last.after - middle.after), 2);
}
