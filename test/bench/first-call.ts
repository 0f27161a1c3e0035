import { execFileSync } from 'node:child_process';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type MachineDescription, machine, onGatewayCore } from './cores.ts';
import { type ManyCallsReport, measureManyCalls } from './many-calls.ts';
import { measureSingleCalls, type SingleCallsReport } from './single-calls.ts';
import { measureSteadiness, type SteadyReport } from './steady.ts';

export interface FirstCallReport {
  readonly bench: 'first-call';
  readonly quick: boolean;
  readonly at: string;
  readonly machine: MachineDescription;
  /** Load average of the machine before and after: what others ran meanwhile disturbs. */
  readonly loadBefore: number;
  readonly loadAfter: number;
  /** Microseconds of CPU that libopus alone needs for one frame each way. */
  readonly opusPairMicroseconds: number;
  readonly singleCalls: SingleCallsReport | undefined;
  /** Set-up only, with a Prosody that does not wait (network_settings = { nagle = false }). */
  readonly withoutNagle: SingleCallsReport['setup'] | undefined;
  readonly manyCalls: ManyCallsReport | undefined;
  readonly steady: SteadyReport | undefined;
  readonly goals: readonly Goal[];
}

export interface Goal {
  readonly name: string;
  readonly goal: string;
  readonly value: string;
  readonly met: boolean;
}

export const parts = ['single', 'many', 'steady'] as const;
export type Part = (typeof parts)[number];

/** The numbers of the first calls: set-up, delay on the wire, many calls at once, what stays after many. */
export async function firstCall(
  wanted: readonly Part[],
  quick: boolean,
  say: (text: string) => void,
): Promise<FirstCallReport> {
  const loadBefore = loadavg()[0] ?? 0;
  const opusPairMicroseconds = reference();
  const part = async <T>(name: Part, what: string, measure: () => Promise<T>): Promise<T | undefined> => {
    if (!wanted.includes(name)) return undefined;
    say(what);
    return measure();
  };
  const [calls, bursts] = quick ? [10, 6] : [30, 8];
  const singleCalls = await part(
    'single',
    `${calls} calls one after another, ${bursts} bursts each way`,
    () => measureSingleCalls(calls, bursts),
  );
  const eager = await part('single', '10 calls more, with a Prosody without Nagle', () =>
    measureSingleCalls(10, 0, false),
  );
  const seconds = quick ? 10 : 30;
  const manyCalls = await part('many', `50, 10 and 1 calls at once, ${seconds} s each`, () =>
    measureManyCalls({ counts: [1, 10, 50], seconds }),
  );
  const after = quick ? 40 : 200;
  const steady = await part('steady', `${after} calls, five at a time, and what is left of them`, () =>
    measureSteadiness(after, 5),
  );
  const goals = [
    ...(singleCalls === undefined ? [] : singleGoals(singleCalls)),
    ...(manyCalls === undefined ? [] : manyGoals(manyCalls)),
    ...(steady === undefined ? [] : steadyGoals(steady)),
  ];
  return {
    bench: 'first-call',
    quick,
    at: new Date().toISOString(),
    machine: machine(),
    loadBefore,
    loadAfter: loadavg()[0] ?? 0,
    opusPairMicroseconds,
    singleCalls,
    withoutNagle: eager?.setup,
    manyCalls,
    steady,
    goals,
  };
}

function reference(): number {
  const script = fileURLToPath(new URL('opus-reference.ts', import.meta.url));
  const [program, ...args] = onGatewayCore([process.execPath, script]);
  const output = execFileSync(program, args, { encoding: 'utf8' });
  return (JSON.parse(output) as { microseconds: number }).microseconds;
}

function singleGoals({ setup, delay }: SingleCallsReport): Goal[] {
  const atMost = (name: string, value: number, limit: number): Goal => ({
    name,
    goal: `≤ ${limit} ms`,
    value: `${value} ms`,
    met: value <= limit,
  });
  return [
    atMost('INVITE to audio both ways, p95', setup.bothWays.p95, 600),
    atMost('phone to room on the wire, p95', delay.phoneToRoom.p95, 40),
    atMost('room to phone on the wire, p95', delay.roomToPhone.p95, 60),
  ];
}

function manyGoals({ points }: ManyCallsReport): Goal[] {
  const most = points.find(({ calls }) => calls === 50);
  if (most === undefined) return [];
  const { phones, rooms, cpuPerCall } = most;
  const faults = [phones, rooms].reduce(
    (sum, side) => sum + side.missing + side.pauses + side.silentFrames,
    0,
  );
  return [
    {
      name: '50 calls at once without a gap',
      goal: 'none missing, no pause > 60 ms, no silence',
      value: `${faults} faults in ${phones.packets + rooms.packets} packets`,
      met: faults === 0,
    },
    {
      name: 'CPU for each of 50 calls and second',
      goal: '< 55 ms (the Java Jigasi)',
      value: `${cpuPerCall} ms`,
      met: cpuPerCall < 55,
    },
  ];
}

/** Growth that a leak of one small object for each call would exceed, and that warm caches do not. */
const steadyKiB = 2;

function steadyGoals({ holdings, growthPerCallKiB, calls }: SteadyReport): Goal[] {
  const [first, last] = [holdings.at(0), holdings.at(-1)];
  if (first === undefined || last === undefined) return [];
  const same = (name: string, before: number, after: number): Goal => ({
    name,
    goal: 'not more than before',
    value: `${before} → ${after}`,
    met: after <= before,
  });
  return [
    {
      name: `heap over the last ${calls / 2} of ${calls} calls`,
      goal: `≤ ${steadyKiB} KiB for each call`,
      value: `${growthPerCallKiB} KiB`,
      met: growthPerCallKiB <= steadyKiB,
    },
    same('descriptors', first.descriptors, last.descriptors),
    same('timers and other handles', first.resources, last.resources),
    same('media ports', first.mediaPorts, last.mediaPorts),
  ];
}
