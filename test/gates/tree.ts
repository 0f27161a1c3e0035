import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const rules = ['biome.json', 'tsconfig.json', 'package.json', 'scripts/no-process-exit.grit'];

/**
 * A small source tree with the project's own rules, inside the repository (so that packages resolve) where git ignores
 * it; removed when the test ends. `files` maps paths to contents.
 */
export function plant(t: TestContext, files: Readonly<Record<string, string>>): string {
  mkdirSync(join(repository, 'tmp'), { recursive: true });
  const root = mkdtempSync(join(repository, 'tmp', 'gate-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const rule of rules) cpSync(join(repository, rule), join(root, rule));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

/** Runs a gate as `npm test` does: exit code and everything it printed. */
export function run(
  root: string,
  command: string,
  ...args: readonly string[]
): { code: number | null; output: string } {
  const executable = command === 'node' ? process.execPath : join(repository, 'node_modules/.bin', command);
  const { status, stdout, stderr } = spawnSync(executable, args, { cwd: root, encoding: 'utf8' });
  return { code: status, output: stdout + stderr };
}

/** Import directions and adapters. */
export const layers = (root: string, ...config: readonly string[]) =>
  run(root, 'node', join(repository, 'scripts/layers.ts'), root, ...config);
export const types = (root: string) => run(root, 'tsc', '--noEmit');
export const lint = (root: string) =>
  run(root, 'biome', 'check', '--error-on-warnings', '--vcs-enabled=false', '--colors=off', 'src');
