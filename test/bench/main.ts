import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { firstCall, type Part, parts } from './first-call.ts';
import { firstCallTable } from './first-call-table.ts';

const usage = `npm run bench -- first-call [--quick] [--json FILE] [--part ${parts.join('|')}]...

first-call  set-up time, delay on the wire, 50 calls at once, CPU, and what 200 calls leave behind
  --quick   about two minutes instead of seven
  --json    writes the report to FILE
  --part    only this part; may be repeated`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    part: { type: 'string', multiple: true, default: [...parts] },
  },
});

const isPart = (name: string): name is Part => parts.some((part) => part === name);

if (positionals[0] !== 'first-call' || !values.part.every(isPart)) {
  console.error(usage);
  process.exit(64);
}
const report = await firstCall(values.part.filter(isPart), values.quick, (text) =>
  console.error(`… ${text}`),
);
console.log(firstCallTable(report));
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(report, null, 2)}\n`);
process.exit(report.goals.every(({ met }) => met) ? 0 : 1);
