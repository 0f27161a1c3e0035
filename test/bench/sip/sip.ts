import { loadavg } from 'node:os';
import { type MachineDescription, machine } from '../cores.ts';
import type { Goal } from '../first-call.ts';
import { rounded } from '../percentiles.ts';
import { type CrowdReport, measureCrowd } from './crowd.ts';
import { type FloodReport, measureFlood } from './flood.ts';
import type { SubjectName } from './host.ts';
import {
  climb,
  type LossReport,
  measureLoop,
  measureLoss,
  measureMemory,
  measureParse,
  type RatePoint,
} from './parts.ts';

export const sipParts = ['parse', 'memory', 'loop', 'rates', 'others', 'loss', 'crowd', 'flood'] as const;
/** `parse`, `memory`, `loop` and `rates` are the embedded engine's; `others` does the same with what it is compared with. */
export type SipPart = (typeof sipParts)[number];

/** Figures of one engine; undefined: that part was not asked for, or there is no such figure. */
export interface EngineFigures {
  readonly setupsPerSecond?: number | undefined;
  readonly parseMicros?: number | undefined;
  /** Absent where the engine keeps no transactions of its own. */
  readonly transactionBytes?: number | undefined;
  readonly loopDelayP99Ms?: number | undefined;
  readonly lossyFailures?: number | undefined;
}

/** The numbers of the SIP engines. Keys are fixed: other tools read them. Those at the top are the embedded engine's. */
export interface SipReport extends EngineFigures {
  readonly bench: 'sip';
  readonly quick: boolean;
  readonly at: string;
  readonly machine: MachineDescription;
  readonly loadBefore: number;
  readonly loadAfter: number;
  /** Connections of one peer that were refused beyond the cap, and what others lost meanwhile. */
  readonly tcpRefused?: number | undefined;
  readonly tcpOthersLost?: number | undefined;
  readonly floodSignallingP99Ms?: number | undefined;
  readonly floodMediaGaps?: number | undefined;
  /** The engine on drachtio; the kit's stand-in for drachtio-server runs on the callers' core. */
  readonly drachtioWithStandIn: EngineFigures;
  /** sip.js' core as it comes (its loop at 50 calls a second, which is near what it can), and our embedded engine by it. */
  readonly stock: EngineFigures;
  readonly overStock: { readonly setups?: number | undefined; readonly parse?: number | undefined };
  readonly measurements: {
    readonly rates: Readonly<Partial<Record<SubjectName, readonly RatePoint[]>>>;
    readonly loop: Readonly<Partial<Record<SubjectName, RatePoint>>>;
    readonly loss: Readonly<Partial<Record<SubjectName, LossReport>>>;
    readonly crowd?: CrowdReport | undefined;
    readonly flood?: FloodReport | undefined;
  };
  readonly goals: readonly Goal[];
}

type EnginePart = Extract<SipPart, 'parse' | 'memory' | 'loop' | 'rates'>;

interface Measured {
  readonly figures: EngineFigures;
  readonly rates?: readonly RatePoint[] | undefined;
  readonly loop?: RatePoint | undefined;
}

interface Plan {
  readonly rates: Readonly<Record<SubjectName, readonly number[]>>;
  readonly step: number;
  readonly sustained: number;
  readonly loopSeconds: number;
  readonly parses: number;
  readonly kept: number;
  readonly lossy: number;
  readonly lossyPatienceMs: number;
  readonly floodSeconds: number;
}

const whole: Plan = {
  rates: {
    embedded: [1_000, 1_500, 2_000, 2_500, 3_000],
    drachtio: [100, 200, 400, 600],
    stock: [50, 100, 150],
  },
  step: 4,
  sustained: 35,
  loopSeconds: 10,
  parses: 20_000,
  kept: 4_000,
  lossy: 400,
  lossyPatienceMs: 45_000,
  floodSeconds: 12,
};

const quickPlan: Plan = {
  rates: { embedded: [2_000], drachtio: [200], stock: [50] },
  step: 2,
  sustained: 0,
  loopSeconds: 2,
  parses: 5_000,
  kept: 1_000,
  lossy: 100,
  lossyPatienceMs: 15_000,
  floodSeconds: 4,
};

const engineParts: readonly EnginePart[] = ['parse', 'memory', 'loop', 'rates'];

/** Both engines and stock sip.js, one after another, each in a process of its own on the gateway's core. */
export async function measureSip(
  wanted: readonly SipPart[],
  quick: boolean,
  say: (text: string) => void,
): Promise<SipReport> {
  const loadBefore = loadavg()[0] ?? 0;
  const plan = quick ? quickPlan : whole;
  const part = async <T>(name: SipPart, what: string, measure: () => Promise<T>): Promise<T | undefined> => {
    if (!wanted.includes(name)) return undefined;
    say(what);
    return measure();
  };
  const others = wanted.includes('others') ? engineParts : [];
  const parts = engineParts.filter((name) => wanted.includes(name));
  const embedded = await measure('embedded', parts, plan, say);
  const drachtio = await measure('drachtio', others, plan, say);
  const stock = await measure('stock', others, plan, say);
  const lossy = `${plan.lossy} calls each that lose 10 % of what is sent, each way`;
  // Side by side: in these nothing is timed but the waits of RFC 3261.
  const [loss, crowd] = await Promise.all([
    part('loss', lossy, () => measureLosses(plan)),
    part('crowd', '10,000 connections of one peer', () => measureCrowd(10_000)),
  ]);
  const flood = await part('flood', 'running calls under 500 INVITE/s of a stranger', () =>
    measureFlood(plan.floodSeconds),
  );
  const report = {
    bench: 'sip' as const,
    quick,
    at: new Date().toISOString(),
    machine: machine(),
    loadBefore,
    loadAfter: loadavg()[0] ?? 0,
    ...embedded.figures,
    lossyFailures: failures(loss?.embedded),
    tcpRefused: crowd?.refused,
    tcpOthersLost: crowd && othersLost(crowd),
    floodSignallingP99Ms: flood?.signallingP99Ms,
    floodMediaGaps: flood?.mediaGaps,
    drachtioWithStandIn: { ...drachtio.figures, lossyFailures: failures(loss?.drachtio) },
    stock: { ...stock.figures, lossyFailures: failures(loss?.stock) },
    overStock: {
      setups: ratio(embedded.figures.setupsPerSecond, stock.figures.setupsPerSecond),
      parse: ratio(stock.figures.parseMicros, embedded.figures.parseMicros),
    },
    measurements: {
      rates: present({ embedded: embedded.rates, drachtio: drachtio.rates, stock: stock.rates }),
      loop: present({ embedded: embedded.loop, drachtio: drachtio.loop, stock: stock.loop }),
      loss: loss ?? {},
      crowd,
      flood,
    },
  };
  return { ...report, goals: goals(report) };
}

async function measureLosses({ lossy, lossyPatienceMs }: Plan): Promise<Record<SubjectName, LossReport>> {
  const [embedded, drachtio, stock] = await Promise.all([
    measureLoss('embedded', lossy, lossyPatienceMs),
    measureLoss('drachtio', lossy, lossyPatienceMs),
    measureLoss('stock', lossy, lossyPatienceMs),
  ]);
  return { embedded, drachtio, stock };
}

function failures(loss: LossReport | undefined): number | undefined {
  return loss && loss.incomingFailed + loss.outgoingFailed;
}

function othersLost({ otherFailed, otherRetransmitted, otherConnectionAnswers }: CrowdReport): number {
  return otherFailed + otherRetransmitted + (otherConnectionAnswers ? 0 : 1);
}

function ratio(value: number | undefined, by: number | undefined): number | undefined {
  return value === undefined || by === undefined ? undefined : rounded(value / Math.max(1, by));
}

function present<T>(entries: Readonly<Record<SubjectName, T | undefined>>): Partial<Record<SubjectName, T>> {
  const found: Partial<Record<SubjectName, T>> = {};
  for (const name of ['embedded', 'drachtio', 'stock'] as const) {
    const value = entries[name];
    if (value !== undefined) found[name] = value;
  }
  return found;
}

async function measure(
  name: SubjectName,
  parts: readonly EnginePart[],
  plan: Plan,
  say: (text: string) => void,
): Promise<Measured> {
  const part = async <T>(wanted: EnginePart, take: () => Promise<T>): Promise<T | undefined> => {
    if (!parts.includes(wanted)) return undefined;
    say(`${name}: ${wanted}`);
    return take();
  };
  const parseMicros = await part('parse', () => measureParse(name, name === 'stock' ? 500 : plan.parses));
  const transactionBytes =
    name === 'drachtio' ? undefined : await part('memory', () => measureMemory(name, keptCalls(name, plan)));
  const loop = await part('loop', () => measureLoop(name, name === 'stock' ? 50 : 200, plan.loopSeconds));
  const climbed = await part('rates', () =>
    climb(name, plan.rates[name], {
      step: plan.step,
      sustained: name === 'embedded' ? plan.sustained : 0,
    }),
  );
  const setupsPerSecond = climbed?.setupsPerSecond;
  const figures = { setupsPerSecond, parseMicros, transactionBytes, loopDelayP99Ms: loop?.loopP99Ms };
  return { figures, rates: climbed?.points, loop };
}

/** Stock sip.js cannot take more than some tens of calls a second. */
function keptCalls(name: SubjectName, plan: Plan): number {
  return name === 'stock' ? Math.min(500, plan.kept / 4) : plan.kept;
}

function goals(report: Omit<SipReport, 'goals'>): Goal[] {
  const goal = (name: keyof typeof report & string, sign: '≤' | '≥', limit: number): Goal[] => {
    const value = report[name];
    if (typeof value !== 'number') return [];
    const met = sign === '≤' ? value <= limit : value >= limit;
    return [{ name, goal: `${sign} ${limit}`, value: String(value), met }];
  };
  const points = report.measurements.rates.embedded ?? [];
  const unsound = points.filter((one) => !one.generatorIsSound).length;
  const soundness = { name: 'rates limited by the generator', goal: '0', value: String(unsound) };
  return [
    ...goal('setupsPerSecond', '≥', 2_000),
    ...goal('parseMicros', '≤', 15),
    ...goal('transactionBytes', '≤', 10_000),
    ...goal('loopDelayP99Ms', '≤', 10),
    ...goal('lossyFailures', '≤', 0),
    ...goal('tcpRefused', '≥', 9_000),
    ...goal('tcpOthersLost', '≤', 0),
    ...goal('floodSignallingP99Ms', '≤', 50),
    ...goal('floodMediaGaps', '≤', 0),
    ...(points.length === 0 ? [] : [{ ...soundness, met: unsound === 0 }]),
  ];
}
