import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Band } from './conditions.ts';

const installer = fileURLToPath(new URL('../../../scripts/pesq.sh', import.meta.url));
const program = fileURLToPath(new URL('score.py', import.meta.url));

/** Two sounds of equal length, at 8 kHz for narrow band and 16 kHz for wide band. */
export interface Pair {
  readonly reference: Int16Array;
  readonly degraded: Int16Array;
  readonly band: Band;
}

/** The bench's Python with PESQ; made when it is not there. Throws with what is missing. */
export function installPesq(): string {
  return execFileSync('bash', [installer], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
}

/** MOS-LQO of each pair. */
export function pesqScores(python: string, pairs: readonly Pair[]): number[] {
  const directory = mkdtempSync(join(tmpdir(), 'jigasi-pesq-'));
  const written = new Map<Int16Array, string>();
  const file = (samples: Int16Array): string => {
    const path = written.get(samples) ?? join(directory, `${written.size}.raw`);
    if (!written.has(samples))
      writeFileSync(path, new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength));
    written.set(samples, path);
    return path;
  };
  try {
    const input = JSON.stringify(
      pairs.map(({ reference, degraded, band }) => ({
        reference: file(reference),
        degraded: file(degraded),
        band,
      })),
    );
    const [command, ...args] = allCores([python, program]);
    return JSON.parse(
      execFileSync(command, args, { input, encoding: 'utf8', maxBuffer: 1 << 24 }),
    ) as number[];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The calls are over: scoring may use every core, and in its turn. */
function allCores(command: readonly [string, ...string[]]): readonly [string, ...string[]] {
  return [
    'sh',
    '-c',
    'taskset -p -c 0-1023 $$ >/dev/null 2>&1; chrt -o -p 0 $$ >/dev/null 2>&1; exec "$@"',
    'sh',
    ...command,
  ];
}
