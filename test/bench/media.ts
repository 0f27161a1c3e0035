import { loadavg } from 'node:os';
import { type MachineDescription, machine } from './cores.ts';
import type { Goal } from './first-call.ts';
import { type CodecFloor, Programs } from './media-programs.ts';
import { type Measured, MediaStage } from './media-stage.ts';
import { rounded } from './percentiles.ts';

/** The numbers of the media engine. Keys are fixed: other tools read them. */
export interface MediaReport {
  readonly bench: 'media';
  readonly quick: boolean;
  readonly at: string;
  readonly machine: MachineDescription;
  readonly loadBefore: number;
  readonly loadAfter: number;
  readonly floor: CodecFloor;
  /** Again, after the lone phones: the machine may have become faster or slower. */
  readonly floorAfter: CodecFloor;
  /** CPU per call and tick, every phone in its own room and speaking, against the lower of both floors: of the most calls at full effort and on time. */
  readonly perCallOverFloor: number;
  /** Each further phone of a room, listening, against a lone one that listens. */
  readonly furtherPhoneRatio: number;
  readonly phonesPerCoreRooms10: number;
  readonly phonesPerCoreAlone: number;
  /** Beyond the first hundred. */
  readonly memoryPerCallKiB: number;
  /** The latest tick of forty calls while twenty more are set up at once, milliseconds: the worse of two times. */
  readonly burstTickMaxMs: number;
  /** The same for the first burst in the life of a process, whose code is not all compiled yet. */
  readonly firstBurstTickMaxMs: number;
  readonly measurements: Readonly<Record<string, readonly Measured[]>>;
  readonly goals: readonly Goal[];
}

const punctualMs = 10;

/** Costs and capacity of one worker on one core. */
export async function measureMedia(quick: boolean, say: (text: string) => void): Promise<MediaReport> {
  const loadBefore = loadavg()[0] ?? 0;
  const programs = new Programs();
  try {
    say('what libopus alone needs');
    const floor = programs.floor();
    const seconds = quick ? 2 : 10;
    say('lone phones that speak');
    const alone = await climb(
      programs,
      say,
      { talking: true, phonesPerRoom: 1 },
      quick ? [40, 85] : [40, ...steps(60, 5, 160)],
      seconds,
    );
    const floorAfter = programs.floor();
    say('lone phones that listen');
    const listening = await climb(programs, say, { talking: false, phonesPerRoom: 1 }, [40], seconds);
    say('rooms of ten phones');
    const rooms = await climb(
      programs,
      say,
      { talking: false, phonesPerRoom: 10 },
      quick ? [100, 250] : [100, 200, ...steps(240, 10, 500)],
      seconds,
    );
    say('twenty set-ups at once beside forty calls');
    const bursts = await measureBursts(programs);
    const loadAfter = loadavg()[0] ?? 0;
    const figures = {
      perCallOverFloor: rounded(costAtFullEffort(alone) / Math.min(floor.perCallUs, floorAfter.perCallUs), 2),
      furtherPhoneRatio: rounded(furtherPhone(listening[0], rooms[0]), 2),
      phonesPerCoreRooms10: punctual(rooms),
      phonesPerCoreAlone: punctual(alone),
      memoryPerCallKiB: rounded(memoryPerCall(rooms), 0),
      firstBurstTickMaxMs: bursts[0]?.tickMaxMs ?? Number.NaN,
      burstTickMaxMs: Math.max(...bursts.slice(1).map(({ tickMaxMs }) => tickMaxMs)),
    };
    return {
      bench: 'media',
      quick,
      at: new Date().toISOString(),
      machine: machine(),
      loadBefore,
      loadAfter,
      floor,
      floorAfter,
      ...figures,
      measurements: { alone, listening, rooms, bursts },
      goals: goals(figures, [...alone, ...listening, ...rooms]),
    };
  } finally {
    programs.remove();
  }
}

interface Figures {
  readonly perCallOverFloor: number;
  readonly furtherPhoneRatio: number;
  readonly phonesPerCoreRooms10: number;
  readonly phonesPerCoreAlone: number;
  readonly memoryPerCallKiB: number;
  readonly burstTickMaxMs: number;
  readonly firstBurstTickMaxMs: number;
}

/**
 * Adds calls step by step until the ticks are twice in a row not punctual, or the generator is at its own end: what it cannot load says
 * nothing of the gateway. A step that fails is measured twice.
 */
async function climb(
  programs: Programs,
  say: (text: string) => void,
  kind: { readonly talking: boolean; readonly phonesPerRoom: number },
  counts: readonly number[],
  seconds: number,
): Promise<Measured[]> {
  const stage = await MediaStage.start(programs, { ...kind, legs: Math.max(...counts) });
  const all: Measured[] = [];
  let failed = 0;
  try {
    for (const count of counts) {
      await stage.grow(count);
      let one = await stage.measure(seconds);
      if (!isPunctual(one) || !one.generatorIsSound) one = await stage.measure(seconds);
      if (all.length > 0 && !one.generatorIsSound) {
        say(`${count} calls are more than the generator can load`);
        break;
      }
      all.push(one);
      failed = isPunctual(one) ? 0 : failed + 1;
      if (failed === 2) break;
    }
  } finally {
    stage.stop();
  }
  return all;
}

function steps(from: number, by: number, to: number): number[] {
  return Array.from({ length: Math.floor((to - from) / by) + 1 }, (_, index) => from + index * by);
}

function isPunctual({ tickP99Ms, ticksSkipped, generator }: Measured): boolean {
  return tickP99Ms <= punctualMs && ticksSkipped === 0 && generator.gaps === 0;
}

/** Most calls at which the ticks were punctual; 0 when they never were. */
function punctual(measured: readonly Measured[]): number {
  return Math.max(0, ...measured.filter(isPunctual).map(({ calls }) => calls));
}

/** The floor encodes with complexity 5: a worker that encodes with less is not to be held against it. */
function costAtFullEffort(measured: readonly Measured[]): number {
  const comparable = measured.filter((one) => one.atFullEffort && isPunctual(one));
  return comparable.at(-1)?.cpuPerCallTick ?? Number.NaN;
}

/** The first one, and two more in the same process. */
async function measureBursts(programs: Programs): Promise<Measured[]> {
  const times = 3;
  const stage = await MediaStage.start(programs, { talking: true, phonesPerRoom: 1, legs: 60 * times });
  const measured: Measured[] = [];
  try {
    for (let time = 0; time < times; time++) {
      await stage.grow(40);
      const watched = stage.measure(3);
      await stage.burst(20);
      measured.push(await watched);
      await stage.closeAll();
    }
  } finally {
    stage.stop();
  }
  return measured;
}

/** A room of ten costs one lone phone and nine further ones. */
function furtherPhone(alone: Measured | undefined, rooms: Measured | undefined): number {
  if (alone === undefined || rooms === undefined) return Number.NaN;
  return (rooms.cpuPerCallTick * 10 - alone.cpuPerCallTick) / 9 / alone.cpuPerCallTick;
}

function memoryPerCall(rooms: readonly Measured[]): number {
  const [first, last] = [rooms[0], rooms.at(-1)];
  if (first === undefined || last === undefined || first === last) return Number.NaN;
  return (1024 * (last.residentMiB - first.residentMiB)) / (last.calls - first.calls);
}

function goals(figures: Figures, measured: readonly Measured[]): Goal[] {
  const most = (name: keyof Figures, limit: number): Goal => {
    return { name, goal: `≤ ${limit}`, value: String(figures[name]), met: figures[name] <= limit };
  };
  const least = (name: keyof Figures, limit: number): Goal => {
    return { name, goal: `≥ ${limit}`, value: String(figures[name]), met: figures[name] >= limit };
  };
  const refused = measured.reduce((sum, { generator }) => sum + generator.refused, 0);
  const unsound = measured.filter(({ generatorIsSound }) => !generatorIsSound).length;
  return [
    most('perCallOverFloor', 1.6),
    most('furtherPhoneRatio', 0.3),
    least('phonesPerCoreRooms10', 250),
    least('phonesPerCoreAlone', 85),
    most('memoryPerCallKiB', 1024),
    most('burstTickMaxMs', 15),
    { name: 'packets with wrong SRTP', goal: '0', value: String(refused), met: refused === 0 },
    { name: 'measurements limited by the generator', goal: '0', value: String(unsound), met: unsound === 0 },
  ];
}
