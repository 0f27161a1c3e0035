import { readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';

/** Where things run: the gateway alone on its core, everything that loads and measures it on the other. */
export const generatorCore = 0;
export const gatewayCore = 1;

/** False on a machine with one core: then nothing is pinned, and the report says so. */
export const pinned = cpus().length > 1;

/** A command line that runs on the gateway's core. */
export function onGatewayCore(command: readonly [string, ...string[]]): readonly [string, ...string[]] {
  return pinned ? ['taskset', '-c', String(gatewayCore), ...command] : command;
}

export interface MachineDescription {
  readonly cpus: number;
  readonly model: string;
  readonly node: string;
  readonly pinned: boolean;
  /** Whether this process really is on the generator's core only. */
  readonly generatorPinned: boolean;
}

export function machine(): MachineDescription {
  return {
    cpus: cpus().length,
    model: cpus()[0]?.model ?? 'unknown',
    node: process.version,
    pinned,
    generatorPinned: availableParallelism() === 1,
  };
}

interface CoreTicks {
  readonly busy: number;
  readonly total: number;
}

/** How busy each core was, by whatever process: more than ours have used is somebody else's work. */
export class CoreWatch {
  #before = coreTicks();

  /** Busy part of each core since the last question, percent. */
  take(): number[] {
    const [before, after] = [this.#before, coreTicks()];
    this.#before = after;
    return after.map((core, index) => {
      const start = before[index] ?? { busy: 0, total: 0 };
      return Math.round((100 * (core.busy - start.busy)) / Math.max(1, core.total - start.total));
    });
  }
}

function coreTicks(): CoreTicks[] {
  const lines = readFileSync('/proc/stat', 'latin1').match(/^cpu\d+ .*$/gm) ?? [];
  return lines.map((line) => {
    const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, soft = 0, steal = 0] = line
      .split(/\s+/)
      .slice(1)
      .map(Number);
    const busy = user + nice + system + irq + soft + steal;
    return { busy, total: busy + idle + wait };
  });
}
