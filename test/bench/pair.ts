import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type MachineDescription, machine } from './cores.ts';
import type { Goal } from './first-call.ts';
import { Programs } from './media-programs.ts';
import { MediaStage } from './media-stage.ts';
import { rounded } from './percentiles.ts';

const windowSeconds = 2;

export interface PairReport {
  readonly bench: 'pair';
  readonly at: string;
  readonly machine: MachineDescription;
  /** The checkout that this one is compared with. */
  readonly other: string;
  /** Of each. */
  readonly calls: number;
  /** CPU per call and tick of this checkout, as a part of the other's: mean of all windows, and how sure it is (standard error). */
  readonly ratio: number;
  readonly uncertainty: number;
  readonly windows: readonly number[];
  /** Windows in which only one of them encoded at full effort say nothing. */
  readonly leftOut: number;
  readonly goals: readonly Goal[];
}

/**
 * Two checkouts carry as many calls each, at the same time and on the same core: whatever the machine does meanwhile it does to both, so that
 * one per cent is seen where runs one after the other differ by twenty. What it does not show is luck of the compiler, which differs
 * from process to process by one per cent and more: repeat it.
 */
export async function measurePair(
  other: string,
  calls: number,
  windows: number,
  say: (text: string) => void,
): Promise<PairReport> {
  const host = join(resolve(other), 'test/bench/media-host.ts');
  if (!existsSync(host))
    throw new Error(`${other} is no checkout of jigasi: it has no test/bench/media-host.ts`);
  const programs = new Programs();
  programs.floor(); // writes the frames that the generators send
  const options = { talking: true, phonesPerRoom: 1, legs: calls };
  const stages = [
    await MediaStage.start(programs, options),
    await MediaStage.start(programs, options, [], host),
  ];
  try {
    say('warm-up');
    await Promise.all(stages.map((stage) => stage.grow(calls)));
    await Promise.all(stages.map((stage) => stage.measure(5)));
    const ratios: number[] = [];
    let leftOut = 0;
    for (let window = 0; window < windows; window++) {
      const [ours, theirs] = await Promise.all(stages.map((stage) => stage.measure(windowSeconds)));
      if (ours === undefined || theirs === undefined || ours.atFullEffort !== theirs.atFullEffort)
        leftOut += 1;
      else ratios.push(ours.meanCpuPerCallTick / theirs.meanCpuPerCallTick);
    }
    const ratio = mean(ratios);
    const variance = mean(ratios.map((one) => (one - ratio) ** 2));
    return {
      bench: 'pair',
      at: new Date().toISOString(),
      machine: machine(),
      other,
      calls,
      ratio: rounded(ratio, 3),
      uncertainty: rounded(Math.sqrt(variance / ratios.length), 3),
      windows: ratios.map((one) => rounded(one, 3)),
      leftOut,
      goals: [],
    };
  } finally {
    for (const stage of stages) stage.stop();
    programs.remove();
  }
}

export function pairTable({ at, other, calls, ratio, uncertainty, windows, leftOut }: PairReport): string {
  return [
    `pair, ${at}: this checkout and ${other}, ${calls} calls each on one core`,
    `CPU per call and tick: ${ratio} of the other's, ± ${uncertainty}`,
    `windows of ${windowSeconds} s: ${windows.join(' ')}${leftOut === 0 ? '' : `; ${leftOut} left out`}`,
  ].join('\n');
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
