/**
 * The gate of the import directions: runs dependency-cruiser on `src` and `test` of the working directory (or of the
 * directory given, with the rules given) and prints each violation. It fails as well when a TypeScript file on disk was not read: with a
 * TypeScript release that dependency-cruiser does not know it reads nothing and finds nothing wrong.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

interface CruiseReport {
  readonly modules: readonly { readonly source: string; readonly coreModule?: boolean }[];
  readonly summary: {
    readonly violations: readonly {
      readonly from: string;
      readonly to: string;
      readonly rule: { readonly name: string; readonly severity: string };
      readonly cycle?: readonly { readonly name: string }[];
    }[];
  };
}

const repository = fileURLToPath(new URL('..', import.meta.url));
const root = realpathSync(process.argv[2] ?? '.');
const rules = process.argv[3] ?? `${repository}.dependency-cruiser.cjs`;
const folders = ['src', 'test', 'scripts'].filter((folder) => existsSync(`${root}/${folder}`));

const cruise = spawnSync(
  process.execPath,
  [
    `${repository}node_modules/dependency-cruiser/bin/dependency-cruise.mjs`,
    ...['--config', rules, '--output-type', 'json'],
    ...folders,
  ],
  { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 },
);
const problems = cruise.stdout?.startsWith('{')
  ? examine(JSON.parse(cruise.stdout) as CruiseReport)
  : [`dependency-cruiser gave no report: ${cruise.stderr || cruise.error?.message}`];
for (const problem of problems) console.log(problem);
process.exitCode = problems.length > 0 ? 1 : 0;

function examine(report: CruiseReport): string[] {
  const read = new Set(report.modules.map((module) => module.source));
  const onDisk = globSync(
    folders.map((folder) => `${folder}/**/*.ts`),
    { cwd: root },
  );
  const unread = onDisk.filter((file) => !read.has(file));
  if (onDisk.length === 0) return ['no TypeScript files found'];
  if (unread.length === 0) console.log(`${onDisk.length} files read`);
  return [
    ...unread.map((file) => `not read by dependency-cruiser: ${file}`),
    ...report.summary.violations.map(
      ({ rule, from, to, cycle }) =>
        `${rule.name}: ${from} → ${cycle ? cycle.map((step) => step.name).join(' → ') : to}`,
    ),
  ];
}
