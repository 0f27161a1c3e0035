import { setTimeout as delay } from 'node:timers/promises';
import { processSockets } from '../kit/process-sockets.ts';
import { type MachineDescription, machine } from './cores.ts';
import type { Goal } from './first-call.ts';
import { Inspector } from './inspector.ts';
import { Programs } from './media-programs.ts';
import { type Measured, MediaStage } from './media-stage.ts';
import { rounded } from './percentiles.ts';

/** What the media engine holds while it has no call. */
interface Holding {
  /** MiB of objects and buffers, all threads, after a garbage collection. */
  readonly heapMiB: number;
  readonly residentMiB: number;
  readonly descriptors: number;
  readonly udpPorts: number;
  /** What keeps event loops alive, all threads. */
  readonly handles: number;
}

export interface SoakReport {
  readonly bench: 'soak';
  readonly at: string;
  readonly machine: MachineDescription;
  readonly minutes: number;
  /** At a time; each in its own room, all talking. */
  readonly calls: number;
  /** That ended while others went on, and were followed by new ones. */
  readonly replaced: number;
  readonly packetsAtPhones: number;
  /** Holes in the sequence numbers that phones got. */
  readonly gaps: number;
  readonly ticksSkipped: number;
  readonly tickP99MsWorst: number;
  readonly before: Holding;
  readonly after: Holding;
  readonly byMinute: readonly Measured[];
  readonly goals: readonly Goal[];
}

const secondsBetweenReplacements = 10;
/** Heap that code, caches and pools may still come to need after the warm-up: it does not grow with calls. */
const heapSlackMiB = 2;

/** An hour (or less) of calls at a part of what one core carries, with calls that come and go all the time. */
export async function measureSoak(
  minutes: number,
  calls: number,
  say: (text: string) => void,
): Promise<SoakReport> {
  const programs = new Programs();
  programs.floor(); // writes the frames that the generator sends
  const replaced = Math.floor((minutes * 60) / secondsBetweenReplacements);
  const legs = 2 * calls + replaced;
  const options = { talking: true, phonesPerRoom: 1, legs };
  const stage = await MediaStage.start(programs, options, ['--inspect=127.0.0.1:0']);
  try {
    say('warm-up');
    await stage.grow(calls);
    await stage.measure(20);
    await stage.closeAll();
    const before = await hold(stage);
    say(`${calls} calls for ${minutes} minutes`);
    await stage.grow(calls);
    const byMinute: Measured[] = [];
    for (let minute = 0; minute < minutes; minute++) byMinute.push(await oneMinute(stage, say));
    await stage.closeAll();
    return report(minutes, calls, replaced, before, await hold(stage), byMinute);
  } finally {
    stage.stop();
    programs.remove();
  }
}

async function oneMinute(stage: MediaStage, say: (text: string) => void): Promise<Measured> {
  const measured = stage.measure(60);
  for (let done = 0; done < 60 / secondsBetweenReplacements; done++) {
    await delay(secondsBetweenReplacements * 500);
    await stage.replaceOne();
    await delay(secondsBetweenReplacements * 400);
  }
  const one = await measured;
  const { tickP99Ms, ticksSkipped, cpuPercent, residentMiB, generator } = one;
  say(
    `p99 ${tickP99Ms} ms, ${ticksSkipped} skipped, ${generator.gaps} gaps, ${cpuPercent} % CPU, ${residentMiB} MiB`,
  );
  return one;
}

async function hold(stage: MediaStage): Promise<Holding> {
  await delay(2000);
  const inspector = await Inspector.connect(stage.host.errors);
  const threads = await inspector.heaps();
  inspector.close();
  await delay(1000);
  const { descriptors, udp } = processSockets(stage.host.pid);
  const bytes = threads.reduce((sum, { objects, arrayBuffers }) => sum + objects + arrayBuffers, 0);
  const handles = threads.flatMap(({ resources }) => Object.values(resources));
  const { residentKiB } = await stage.host.load();
  return {
    heapMiB: rounded(bytes / 2 ** 20, 2),
    residentMiB: rounded(residentKiB / 1024),
    descriptors,
    udpPorts: udp.length,
    handles: handles.reduce((sum, count) => sum + count, 0),
  };
}

function report(
  minutes: number,
  calls: number,
  replaced: number,
  before: Holding,
  after: Holding,
  byMinute: readonly Measured[],
): SoakReport {
  const sum = (of: (one: Measured) => number): number => byMinute.reduce((all, one) => all + of(one), 0);
  const gaps = sum(({ generator }) => generator.gaps);
  const growth = rounded(after.heapMiB - before.heapMiB, 2);
  const goal = (name: string, limit: number, value: number): Goal => {
    return { name, goal: limit === 0 ? '0' : `≤ ${limit}`, value: String(value), met: value <= limit };
  };
  return {
    bench: 'soak',
    at: new Date().toISOString(),
    machine: machine(),
    minutes,
    calls,
    replaced,
    packetsAtPhones: sum(({ generator }) => generator.atPhones),
    gaps,
    ticksSkipped: sum(({ ticksSkipped }) => ticksSkipped),
    tickP99MsWorst: Math.max(...byMinute.map(({ tickP99Ms }) => tickP99Ms)),
    before,
    after,
    byMinute,
    goals: [
      goal('wire gaps', 0, gaps),
      goal('growth of the heap, MiB', heapSlackMiB, growth),
      goal('growth of handles', 0, after.handles - before.handles),
      goal('growth of file descriptors', 0, after.descriptors - before.descriptors),
      goal('UDP ports left', 0, after.udpPorts),
    ],
  };
}

export function soakTable(report: SoakReport): string {
  const { before, after, goals } = report;
  return [
    `soak, ${report.at}: ${report.calls} calls for ${report.minutes} minutes, ${report.replaced} of them replaced meanwhile`,
    `${report.packetsAtPhones} packets at the phones, ${report.gaps} gaps; ticks: worst p99 of a minute ${report.tickP99MsWorst} ms, ${report.ticksSkipped} skipped`,
    `heap ${before.heapMiB} → ${after.heapMiB} MiB, resident ${before.residentMiB} → ${after.residentMiB} MiB, descriptors ${before.descriptors} → ${after.descriptors}, handles ${before.handles} → ${after.handles}`,
    '',
    ...goals.map(
      (one) => `${one.met ? '✓' : '✗'} ${one.name.padEnd(28)} ${one.goal.padStart(6)} ${one.value}`,
    ),
  ].join('\n');
}
