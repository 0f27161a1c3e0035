import { setTimeout as delay } from 'node:timers/promises';
import { ulawDecode } from '../kit/g711.ts';
import type { HeardLeg } from '../kit/light-bridge-protocol.ts';
import type { HeardPacket } from '../kit/rtp-recording.ts';
import { type GeneratorLoad, GeneratorWatch } from './generator-watch.ts';
import { Inspector, type NamedProfile } from './inspector.ts';
import { type LoadCall, LoadStage } from './load-stage.ts';
import { rounded } from './percentiles.ts';

export interface LoadPoint {
  readonly calls: number;
  readonly seconds: number;
  /** Percent of a core, all threads. */
  readonly cpuPercent: number;
  /** Milliseconds of CPU for each call and second. */
  readonly cpuPerCall: number;
  readonly phones: SideFigures;
  readonly rooms: SideFigures;
  readonly generator: GeneratorLoad;
}

/** Of all calls together. */
export interface SideFigures {
  readonly packets: number;
  readonly missing: number;
  readonly longestPauseMs: number;
  /** Pauses of more than 60 ms between two packets of a call. */
  readonly pauses: number;
  /** Frames of 20 ms without the tone. */
  readonly silentFrames: number;
}

export interface ManyCallsReport {
  /** With the component and the account, but no call: percent of a core. */
  readonly idleCpuPercent: number;
  readonly points: readonly LoadPoint[];
}

export interface ManyCallsOptions {
  readonly counts: readonly number[];
  readonly seconds: number;
  /** Gets CPU profiles of all calls at once, taken before the first point is measured. */
  readonly onProfiles?: ((profiles: readonly NamedProfile[]) => void) | undefined;
}

const pauseMs = 60;

/**
 * Many calls at once in one gateway process; at each count, what they cost and whether a packet was missing. The most come first, so
 * that the code is compiled when the few are weighed, as it is in a daemon.
 */
export async function measureManyCalls(options: ManyCallsOptions): Promise<ManyCallsReport> {
  const { counts, seconds, onProfiles } = options;
  const most = Math.max(...counts);
  const nodeArguments = onProfiles === undefined ? [] : ['--inspect=127.0.0.1:0'];
  const stage = await LoadStage.start({ mediaPorts: most * 4 + 20, nodeArguments });
  try {
    await stage.openRooms(most);
    const idleCpuPercent = await idleCpu(stage);
    const calls: LoadCall[] = [];
    while (calls.length < most) calls.push(await stage.place(calls.length));
    if (onProfiles !== undefined) onProfiles(await profile(stage, seconds));
    const points: LoadPoint[] = [];
    for (const count of [...counts].sort((a, b) => b - a)) {
      for (const call of calls.splice(count)) await stage.hangUp(call);
      points.push(await measurePoint(stage, calls, seconds));
    }
    for (const call of calls) await stage.hangUp(call);
    return { idleCpuPercent, points };
  } finally {
    await stage.stop();
  }
}

async function idleCpu({ bench }: LoadStage): Promise<number> {
  const windowMs = 3000;
  const before = bench.gateway.usage().cpuSeconds;
  await delay(windowMs);
  return rounded(((bench.gateway.usage().cpuSeconds - before) * 100_000) / windowMs);
}

async function profile({ bench }: LoadStage, seconds: number): Promise<NamedProfile[]> {
  const inspector = await Inspector.connect(bench.gateway.text);
  await inspector.startProfiles();
  await delay(seconds * 1000);
  const profiles = await inspector.stopProfiles();
  inspector.close();
  return profiles;
}

/** Counts for so long what calls that run already cost and lose; in the rooms only on the legs that count. */
export async function measurePoint(
  stage: LoadStage,
  calls: readonly LoadCall[],
  seconds: number,
  counts: (leg: HeardLeg) => boolean = () => true,
): Promise<LoadPoint> {
  const { gateway } = stage.bench;
  await delay(1500); // the last set-up is no part of it
  const watch = await GeneratorWatch.start(stage.bridge);
  await stage.bridge.keep(true);
  for (const { call } of calls) call.audio.recording.clear();
  const [startedAt, startCpu] = [performance.now(), gateway.usage().cpuSeconds];
  await delay(seconds * 1000);
  const elapsed = (performance.now() - startedAt) / 1000;
  const cpu = gateway.usage().cpuSeconds - startCpu;
  const generator = await watch.take();
  // A copy before anything is analysed: that takes the core of the phones, and the calls go on.
  const arrived = calls.map(({ call }) => [...call.audio.recording.packets]);
  await stage.bridge.keep(false);
  const rooms = roomFigures((await stage.bridge.hear()).filter(counts));
  return {
    calls: calls.length,
    seconds: rounded(elapsed),
    cpuPercent: rounded((100 * cpu) / elapsed),
    cpuPerCall: rounded((1000 * cpu) / elapsed / calls.length, 2),
    phones: phoneFigures(arrived),
    rooms,
    generator,
  };
}

function roomFigures(legs: readonly HeardLeg[]): SideFigures {
  const sum = (value: (leg: HeardLeg) => number) => legs.reduce((total, leg) => total + value(leg), 0);
  return {
    packets: sum((leg) => leg.packets),
    missing: sum((leg) => leg.missing + leg.undecipherable),
    longestPauseMs: rounded(Math.max(0, ...legs.map((leg) => leg.longestPauseMs))),
    pauses: sum((leg) => leg.pauses),
    silentFrames: sum((leg) => leg.silentFrames),
  };
}

function phoneFigures(calls: readonly (readonly HeardPacket[])[]): SideFigures {
  const gaps = calls.map((packets) => between(packets, ({ at }, next) => next.at - at));
  const steps = calls.flatMap((packets) =>
    between(packets, ({ sequence }, next) => (next.sequence - sequence) & 0xffff),
  );
  return {
    packets: calls.reduce((sum, packets) => sum + packets.length, 0),
    missing: steps.reduce((sum, step) => sum + step - 1, 0),
    longestPauseMs: rounded(Math.max(0, ...gaps.flat())),
    pauses: gaps.flat().filter((gap) => gap > pauseMs).length,
    silentFrames: calls.flat().filter(isSilent).length,
  };
}

function between<T>(packets: readonly HeardPacket[], take: (one: HeardPacket, next: HeardPacket) => T): T[] {
  return packets.slice(1).map((next, index) => take(packets[index] as HeardPacket, next));
}

/** Nothing above −24 dBFS in the whole packet; the tone alone has −15. */
function isSilent({ payload }: HeardPacket): boolean {
  return !payload.some((code) => Math.abs(ulawDecode(code)) > 2000);
}
