import { loadavg } from 'node:os';
import { loadOpus } from '../../../src/media/worker/opus.ts';
import { type MachineDescription, machine } from '../cores.ts';
import type { Goal } from '../first-call.ts';
import { rounded } from '../percentiles.ts';
import {
  type AudioCodec,
  audioCodecs,
  type Band,
  type Condition,
  conditions,
  type Direction,
} from './conditions.ts';
import { depthCurves } from './depth.ts';
import { Material, type PieceResult } from './measure.ts';
import { throughGateway } from './passes.ts';
import { installPesq, pesqScores } from './pesq.ts';
import { speechPieces } from './pieces.ts';
import { writePlots } from './plots.ts';

/** One codec, direction and condition: means over all pieces. */
export interface SoundRow {
  readonly codec: AudioCodec;
  readonly direction: Direction;
  readonly band: Band;
  readonly condition: Condition['name'];
  /** MOS-LQO through the gateway, and of the same codecs alone on the same packets. */
  readonly gateway: number;
  readonly reference: number;
  /** What the gateway loses against the reference; negative: it sounds better. */
  readonly difference: number;
  readonly goal: number;
  readonly met: boolean;
  /** On the wire, without the codecs' own. */
  readonly addedDelayMs: number;
  readonly lostPercent: number;
  readonly pieces: readonly {
    readonly piece: string;
    readonly gateway: number;
    readonly reference: number;
  }[];
}

/** The sound of the whole gateway. Keys are fixed: other tools read them. */
export interface SoundReport {
  readonly bench: 'sound';
  readonly quick: boolean;
  readonly at: string;
  readonly machine: MachineDescription;
  /** Version of the gateway's libopus, which is the reference's too. */
  readonly libopus: string;
  readonly loadBefore: number;
  readonly loadAfter: number;
  /** Pieces of 10 s, each of another voice. */
  readonly pieces: number;
  /** How often they were played: again when the machine had been disturbed. The calmest pass of each piece counts. */
  readonly passes: number;
  /** Pieces that were disturbed each time, and by how much an end or a core was late then at most, ms: jitter that nobody asked for. */
  readonly disturbedPieces: number;
  readonly disturbedByMs: number;
  /** Greatest loss against the reference, MOS-LQO. */
  readonly pesqCleanWorst: number;
  readonly pesqRandomLossWorst: number;
  readonly pesqBurstLossWorst: number;
  /** Without loss and jitter, worst codec, ms. */
  readonly delayToRoomMs: number;
  readonly delayToPhoneMs: number;
  readonly rows: readonly SoundRow[];
  readonly goals: readonly Goal[];
}

/** Speech through the gateway in every codec, direction and condition, all calls at once. `plots`: the pictures are written there. */
export async function measureSound(
  quick: boolean,
  say: (text: string) => void,
  plots?: string,
): Promise<SoundReport> {
  const loadBefore = loadavg()[0] ?? 0;
  say('PESQ and speech');
  const libopus = await loadOpus();
  const python = installPesq();
  const material = await Material.make(speechPieces(quick ? 2 : 6), audioCodecs);
  const { found, passes, disturbedPieces, latestMs } = await throughGateway(material, quick, say);
  say('scores');
  const scores = pesqScores(
    python,
    found.flatMap(({ gateway, reference }) => [gateway, reference]),
  );
  const rows = rowsOf(found, scores);
  const worst = (condition: Condition['name']) =>
    Math.max(...rows.filter((row) => row.condition === condition).map(({ difference }) => difference));
  const delay = (direction: Direction) =>
    Math.max(
      ...rows
        .filter((row) => row.condition === 'clean' && row.direction === direction)
        .map(({ addedDelayMs }) => addedDelayMs),
    );
  const report = {
    bench: 'sound',
    quick,
    at: new Date().toISOString(),
    machine: machine(),
    libopus,
    loadBefore,
    loadAfter: loadavg()[0] ?? 0,
    pieces: material.pieces.length,
    passes,
    disturbedPieces,
    disturbedByMs: rounded(latestMs),
    pesqCleanWorst: worst('clean'),
    pesqRandomLossWorst: worst('random'),
    pesqBurstLossWorst: worst('burst'),
    delayToRoomMs: delay('phone to room'),
    delayToPhoneMs: delay('room to phone'),
    rows,
  } as const;
  const judged = { ...report, goals: goalsOf(report) };
  if (plots !== undefined) writePlots(plots, judged, await depthCurves(material.streams('opus').room));
  return judged;
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

function rowsOf(found: readonly PieceResult[], scores: readonly number[]): SoundRow[] {
  const scored = found.map((one, index) => ({
    ...one,
    gateway: scores[2 * index] as number,
    reference: scores[2 * index + 1] as number,
    band: one.gateway.band,
  }));
  const groups = Map.groupBy(
    scored,
    ({ codec, direction, condition }) => `${codec} ${direction} ${condition}`,
  );
  return [...groups.values()].map((group) => {
    const [first] = group as [(typeof group)[number]];
    const { codec, direction, band, condition } = first;
    const [gateway, reference] = [
      mean(group.map((one) => one.gateway)),
      mean(group.map((one) => one.reference)),
    ];
    const goal = conditions.find(({ name }) => name === condition)?.goal ?? 0;
    return {
      codec,
      direction,
      band,
      condition,
      gateway: rounded(gateway, 3),
      reference: rounded(reference, 3),
      difference: rounded(reference - gateway, 3),
      goal,
      met: reference - gateway <= goal,
      addedDelayMs: rounded(mean(group.map((one) => one.addedDelayMs))),
      lostPercent: rounded(mean(group.map((one) => one.lostFrames)) / 5, 2),
      pieces: group.map((one) => ({
        piece: one.piece,
        gateway: rounded(one.gateway, 3),
        reference: rounded(one.reference, 3),
      })),
    };
  });
}

function goalsOf(report: Omit<SoundReport, 'goals'>): Goal[] {
  const atMost = (name: string, value: number, limit: number, unit: string): Goal => ({
    name,
    goal: `≤ ${limit}${unit}`,
    value: `${value}${unit}`,
    met: value <= limit,
  });
  return [
    atMost('PESQ below the codecs alone, clean', report.pesqCleanWorst, 0.1, ''),
    atMost('the same with 5 % random loss and 40 ms jitter', report.pesqRandomLossWorst, 0.15, ''),
    atMost('the same with 5 % bursty loss and 40 ms jitter', report.pesqBurstLossWorst, 0.15, ''),
    atMost('added delay, phone to room', report.delayToRoomMs, 35, ' ms'),
    atMost('added delay, room to phone', report.delayToPhoneMs, 60, ' ms'),
  ];
}
