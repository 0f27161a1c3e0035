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

/** Figures of one engine. */
export interface EngineFigures {
  readonly setupsPerSecond: number;
  readonly parseMicros: number;
  /** Absent where the engine keeps no transactions of its own. */
  readonly transactionBytes?: number;
  readonly loopDelayP99Ms: number;
  readonly lossyFailures: number;
}

/** The numbers of the SIP engines. Keys are fixed: other tools read them. Those at the top are the embedded engine's. */
export interface SipReport extends Required<EngineFigures> {
  readonly bench: 'sip';
  readonly quick: boolean;
  readonly at: string;
  readonly machine: MachineDescription;
  readonly loadBefore: number;
  readonly loadAfter: number;
  /** Connections of one peer that were refused beyond the cap, and what others lost meanwhile. */
  readonly tcpRefused: number;
  readonly tcpOthersLost: number;
  readonly floodSignallingP99Ms: number;
  readonly floodMediaGaps: number;
  /** The engine on drachtio together with the kit's stand-in for drachtio-server, one process on one core: not drachtio-server. */
  readonly drachtioWithStandIn: EngineFigures;
  /** sip.js' core as it comes (its loop at 50 calls a second, which is near what it can), and our embedded engine by it. */
  readonly stock: Required<EngineFigures>;
  readonly overStock: { readonly setups: number; readonly parse: number };
  readonly measurements: {
    readonly rates: Readonly<Record<SubjectName, readonly RatePoint[]>>;
    readonly loss: Readonly<Record<SubjectName, LossReport>>;
    readonly loop: Readonly<Record<SubjectName, RatePoint>>;
    readonly crowd: CrowdReport;
    readonly flood: FloodReport;
  };
  readonly goals: readonly Goal[];
}

interface Measured {
  readonly figures: Required<Omit<EngineFigures, 'lossyFailures'>>;
  readonly rates: readonly RatePoint[];
  readonly loop: RatePoint;
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
  loopSeconds: 4,
  parses: 5_000,
  kept: 1_500,
  lossy: 100,
  lossyPatienceMs: 15_000,
  floodSeconds: 5,
};

/** Both engines and stock sip.js, one after another, each in a process of its own on the gateway's core. */
export async function measureSip(quick: boolean, say: (text: string) => void): Promise<SipReport> {
  const loadBefore = loadavg()[0] ?? 0;
  const plan = quick ? quickPlan : whole;
  say('embedded');
  const embedded = await measure('embedded', plan, say);
  say('drachtio, through the stand-in for drachtio-server');
  const drachtio = await measure('drachtio', plan, say);
  say('stock sip.js');
  const stock = await measure('stock', plan, say);
  say(`${plan.lossy} calls each that lose 10 % of what is sent, each way`);
  const loss = await measureLosses(plan);
  say('10,000 connections of one peer');
  const crowd = await measureCrowd(10_000);
  say('running calls under 500 INVITE/s of a stranger');
  const flood = await measureFlood(plan.floodSeconds);
  const { transactionBytes: _, ...onDrachtio } = drachtio.figures;
  const report = {
    bench: 'sip' as const,
    quick,
    at: new Date().toISOString(),
    machine: machine(),
    loadBefore,
    loadAfter: loadavg()[0] ?? 0,
    ...embedded.figures,
    lossyFailures: failures(loss.embedded),
    tcpRefused: crowd.refused,
    tcpOthersLost: crowd.otherFailed + crowd.otherRetransmitted + (crowd.otherConnectionAnswers ? 0 : 1),
    floodSignallingP99Ms: flood.signallingP99Ms,
    floodMediaGaps: flood.mediaGaps,
    drachtioWithStandIn: { ...onDrachtio, lossyFailures: failures(loss.drachtio) },
    stock: { ...stock.figures, lossyFailures: failures(loss.stock) },
    overStock: {
      setups: rounded(embedded.figures.setupsPerSecond / Math.max(1, stock.figures.setupsPerSecond)),
      parse: rounded(stock.figures.parseMicros / embedded.figures.parseMicros),
    },
    measurements: {
      rates: { embedded: embedded.rates, drachtio: drachtio.rates, stock: stock.rates },
      loop: { embedded: embedded.loop, drachtio: drachtio.loop, stock: stock.loop },
      loss,
      crowd,
      flood,
    },
  };
  return { ...report, goals: goals(report) };
}

/** Beside each other: here nothing is timed but the waits of RFC 3261. */
async function measureLosses({ lossy, lossyPatienceMs }: Plan): Promise<Record<SubjectName, LossReport>> {
  const [embedded, drachtio, stock] = await Promise.all([
    measureLoss('embedded', lossy, lossyPatienceMs),
    measureLoss('drachtio', lossy, lossyPatienceMs),
    measureLoss('stock', lossy, lossyPatienceMs),
  ]);
  return { embedded, drachtio, stock };
}

function failures({ incomingFailed, outgoingFailed }: LossReport): number {
  return incomingFailed + outgoingFailed;
}

async function measure(name: SubjectName, plan: Plan, say: (text: string) => void): Promise<Measured> {
  const parseMicros = await measureParse(name, name === 'stock' ? 500 : plan.parses);
  const transactionBytes =
    name === 'drachtio' ? Number.NaN : await measureMemory(name, keptCalls(name, plan));
  const loop = await measureLoop(name, name === 'stock' ? 50 : 200, plan.loopSeconds);
  say(`  ${parseMicros} µs, ${transactionBytes} bytes, loop p99 ${loop.loopP99Ms} ms`);
  const { setupsPerSecond, points } = await climb(name, plan.rates[name], {
    step: plan.step,
    sustained: name === 'embedded' ? plan.sustained : 0,
  });
  say(`  ${setupsPerSecond} set-ups a second`);
  const figures = { setupsPerSecond, parseMicros, transactionBytes, loopDelayP99Ms: loop.loopP99Ms };
  return { figures, rates: points, loop };
}

/** Stock sip.js cannot take more than some tens of calls a second. */
function keptCalls(name: SubjectName, plan: Plan): number {
  return name === 'stock' ? Math.min(500, plan.kept) : plan.kept;
}

function goals(report: Omit<SipReport, 'goals'>): Goal[] {
  const most = (name: keyof typeof report & string, limit: number): Goal => {
    const value = Number(report[name]);
    return { name, goal: `≤ ${limit}`, value: String(value), met: value <= limit };
  };
  const least = (name: keyof typeof report & string, limit: number): Goal => {
    const value = Number(report[name]);
    return { name, goal: `≥ ${limit}`, value: String(value), met: value >= limit };
  };
  const unsound = report.measurements.rates.embedded.filter((one) => !one.generatorIsSound).length;
  return [
    least('setupsPerSecond', 2_000),
    most('parseMicros', 15),
    most('transactionBytes', 10_000),
    most('loopDelayP99Ms', 10),
    most('lossyFailures', 0),
    least('tcpRefused', 9_000),
    most('tcpOthersLost', 0),
    most('floodSignallingP99Ms', 50),
    most('floodMediaGaps', 0),
    { name: 'rates limited by the generator', goal: '0', value: String(unsound), met: unsound === 0 },
  ];
}
