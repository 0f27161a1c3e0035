import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { firstCall, type Goal, parts } from './first-call.ts';
import { firstCallTable } from './first-call-table.ts';
import { measureMedia } from './media.ts';
import { mediaTable } from './media-table.ts';
import { measurePair, pairTable } from './pair.ts';
import { measureSip, sipParts } from './sip/sip.ts';
import { sipTable } from './sip/table.ts';
import { measureSoak, soakTable } from './soak.ts';
import { measureSound } from './sound/sound.ts';
import { soundTable } from './sound/table.ts';

const usage = `npm run bench -- first-call [--quick] [--json FILE] [--part ${parts.join('|')}]...
npm run bench -- media [--quick] [--json FILE]
npm run bench -- pair --with FOLDER [--calls N] [--windows N] [--json FILE]
npm run bench -- sip [--quick] [--json FILE] [--part ${sipParts.join('|')}]...
npm run bench -- soak [--minutes N] [--calls N] [--json FILE]
npm run bench -- sound [--quick] [--json FILE] [--plots FOLDER]

first-call  set-up time, delay on the wire, 50 calls at once, CPU, and what 200 calls leave behind
media       cost and capacity of the media engine on one core, beside what libopus alone needs
            (Debian: gcc libopus-dev libsrtp2-dev libssl-dev)
pair        CPU of this checkout's media engine beside that of another one (FOLDER), at the same time on one core
sip         set-ups a second, cost of a message and of a transaction, loss, floods: both SIP engines and stock sip.js
soak        calls for an hour, each minute some end and others begin: gaps, and what is left behind
sound       PESQ of speech through the gateway, with and without loss and jitter, beside the codecs alone
            (Debian: gcc python3-venv python3-dev; PESQ itself comes from PyPI)
  --quick   about two minutes instead of seven; media, sip, sound: about a minute
  --json    writes the report to FILE
  --plots   writes pictures (SVG) to FOLDER
  --part    only this part; may be repeated`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    minutes: { type: 'string', default: '60' },
    calls: { type: 'string' },
    with: { type: 'string' },
    windows: { type: 'string', default: '10' },
    plots: { type: 'string' },
    part: { type: 'string', multiple: true },
  },
});

/** Undefined when one of them is unknown. */
function chosen<P extends string>(known: readonly P[]): readonly P[] | undefined {
  const asked = values.part;
  if (asked === undefined) return known;
  return asked.every((name) => known.some((one) => one === name))
    ? known.filter((name) => asked.includes(name))
    : undefined;
}

const say = (text: string): void => console.error(`… ${text}`);

async function run(): Promise<{ report: { readonly goals: readonly Goal[] }; table: string } | undefined> {
  if (positionals[0] === 'media') {
    const report = await measureMedia(values.quick, say);
    return { report, table: mediaTable(report) };
  }
  if (positionals[0] === 'pair' && values.with !== undefined) {
    const report = await measurePair(values.with, Number(values.calls ?? 20), Number(values.windows), say);
    return { report, table: pairTable(report) };
  }
  if (positionals[0] === 'sip') {
    const wanted = chosen(sipParts);
    if (wanted === undefined) return undefined;
    const report = await measureSip(wanted, values.quick, say);
    return { report, table: sipTable(report) };
  }
  if (positionals[0] === 'soak') {
    const report = await measureSoak(Number(values.minutes), Number(values.calls ?? 60), say);
    return { report, table: soakTable(report) };
  }
  if (positionals[0] === 'sound') {
    const report = await measureSound(values.quick, say, values.plots);
    return { report, table: soundTable(report) };
  }
  const wanted = positionals[0] === 'first-call' ? chosen(parts) : undefined;
  if (wanted === undefined) return undefined;
  const report = await firstCall(wanted, values.quick, say);
  return { report, table: firstCallTable(report) };
}

const done = await run();
if (done === undefined) {
  console.error(usage);
  process.exit(64);
}
console.log(done.table);
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(done.report, null, 2)}\n`);
process.exit(done.report.goals.every(({ met }) => met) ? 0 : 1);
