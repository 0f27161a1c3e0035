import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { checkPage } from '../conformance/torture/table.ts';
import { runMedia } from './media-page.ts';
import { type FuzzReport, fuzzSip } from './sip-run.ts';

/**
 * `npm run fuzz -- --messages 1000000 --seed 1`: the long run against the SIP engine, with its limits; `UPDATE=1` writes docs/conformance-sip.md.
 * `npm run fuzz -- --target media --seconds 60 --seed 1`: against the media engine; `UPDATE=1` writes docs/conformance-media.md.
 * `npm run fuzz -- --target parsers --messages 100000 --seed 1`: everything that reads a stranger's bytes, each so many times.
 */
const { values } = parseArgs({
  options: {
    target: { type: 'string', default: 'sip' },
    seconds: { type: 'string', default: '60' },
    messages: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
});

const dearestAllowedMs = 5;
const growthAllowed = 10_000_000;

function page(report: FuzzReport): string {
  const { counters } = report;
  const refused = Object.entries(counters).filter(([name]) => name.startsWith('dropped.'));
  return [
    '| what | figure | limit |',
    '|---|---|---|',
    `| messages sent (seed ${report.seed}) | ${report.sent} | |`,
    `| of those, taken from the sockets | ${report.received} | |`,
    `| calls that they made or met | ${report.calls} | |`,
    `| longest time between a message and the end of its work, with collections and other processes | ${report.longestMs.toFixed(1)} ms | |`,
    `| exceptions | ${report.complaints.length} | 0 |`,
    `| time of the dearest message | ${report.dearestMs.toFixed(2)} ms | ${dearestAllowedMs} ms |`,
    `| time of the average message | ${(report.averageMs * 1000).toFixed(0)} µs | |`,
    `| heap after it, over before | ${(report.heapGrowthBytes / 1e6).toFixed(1)} MB | ${growthAllowed / 1e6} MB |`,
    '',
    `Refused, by reason: ${refused.map(([name, count]) => `${name.slice(8)} ${count}`).join(', ')}.`,
  ].join('\n');
}

async function runSip(): Promise<boolean> {
  const report = await fuzzSip(Number(values.seed), Number(values.messages));
  console.log(page(report));
  for (const complaint of report.complaints) console.error(complaint);
  if (process.env.UPDATE === '1') checkPage('fuzz', page(report), 'UPDATE=1 npm run fuzz');
  return (
    report.complaints.length === 0 &&
    report.dearestMs <= dearestAllowedMs &&
    report.heapGrowthBytes <= growthAllowed
  );
}

/** The parsers' tests with so many messages for each parser. */
function runParsers(): boolean {
  const tests = fileURLToPath(new URL('parsers.test.ts', import.meta.url));
  const env = { ...process.env, FUZZ_ROUNDS: values.messages, FUZZ_SEED: values.seed };
  return spawnSync(process.execPath, ['--test', tests], { env, stdio: 'inherit' }).status === 0;
}

const targets: Readonly<Record<string, () => boolean | Promise<boolean>>> = {
  sip: runSip,
  media: () => runMedia(Number(values.seed), Number(values.seconds)),
  parsers: runParsers,
};
const run = targets[values.target];
if (run === undefined) throw new Error(`--target is one of ${Object.keys(targets).join(', ')}`);
const isSound = await run();
if (!isSound) process.exitCode = 1;
