/**
 * The demonstration: a telephone calls into a room and a room calls a telephone, through a real Prosody, a real PBX and the
 * gateway as its own process. Run it with `npm run demo`; scripts/demo.sh sets up what it needs.
 */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { dialIn, dialOut } from './demo-calls.ts';
import { Curtain } from './demo-curtain.ts';
import { delayOfDialIn, delayOfDialOut } from './demo-delay.ts';
import { keepOpen } from './demo-keep.ts';
import { clearOutput, outputName, saveTake } from './demo-recordings.ts';
import { openStage, type Stage } from './demo-stage.ts';
import { Story } from './demo-story.ts';
import { asJson, type CallResult, type Results, table } from './demo-table.ts';

const usage = `npm run demo -- [--keep] [--json FILE]

  --keep       leave everything running afterwards and tell how to call in with a softphone; Ctrl-C ends it
  --json FILE  write the table to FILE as well
  --help       this text

Exit code: 0 when everybody was heard, 1 when not, 64 for a wrong option, 130 when it was interrupted.`;

const exitCodes = { heard: 0, failed: 1, usage: 64, interrupted: 130 } as const;

interface Options {
  readonly keep: boolean;
  readonly json: string | undefined;
}

class Interrupted extends Error {}

function readOptions(): Options | undefined {
  try {
    const { values } = parseArgs({
      options: { keep: { type: 'boolean' }, json: { type: 'string' }, help: { type: 'boolean' } },
    });
    if (values.help) return undefined;
    // npm runs its scripts in the project's folder, wherever it was called.
    const json = values.json && resolve(process.env.INIT_CWD ?? '.', values.json);
    return { keep: values.keep === true, json: json || undefined };
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = exitCodes.usage;
    return undefined;
  }
}

/** Rejects at the first signal. More of them (npm hands on the terminal's Ctrl-C a second time) change nothing: all is being ended. */
function interruption(): Promise<never> {
  return new Promise((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => reject(new Interrupted(signal)));
    }
    process.stdout.on('error', () => reject(new Interrupted('nobody reads the output')));
  });
}

/** Both calls; the second one too when the first one failed. */
async function perform(stage: Stage, story: Story): Promise<Results> {
  const problems: string[] = [];
  const attempt = async <T>(what: string, part: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await part();
    } catch (error) {
      story.tell(`${what} FAILED: ${(error as Error).message}`);
      problems.push(`${what}: ${firstSentence(error)}`);
      return undefined;
    } finally {
      stage.alice.silent();
      stage.bob.silent();
    }
  };
  const call = async (name: 'dial-in' | 'dial-out', talk: typeof dialIn, time: typeof delayOfDialIn) => {
    const take = await attempt(name, () => talk(stage, story));
    if (take === undefined) await stage.phone.hangup().catch(() => {});
    else {
      saveTake(name, take);
      const missed = [...take.phoneHears.problems, ...take.roomHears.problems];
      problems.push(...missed.map((problem) => `${name}: ${problem}`));
    }
    const delays = await attempt(`delay of the ${name}`, () => time(stage, story));
    return { take, delays } satisfies CallResult;
  };
  const results = {
    dialIn: await call('dial-in', dialIn, delayOfDialIn),
    dialOut: await call('dial-out', dialOut, delayOfDialOut),
  };
  return { ...results, problems };
}

const firstSentence = (error: unknown): string => (error as Error).message.split(/\n|\. /)[0] ?? '';

function report(results: Results, { json }: Options): void {
  if (results.dialIn.take !== undefined || results.dialOut.take !== undefined) {
    console.log(
      `\n${table(results)}\n\nRecordings and spectrograms are in ${outputName}/; at the end the gateway's log, too.`,
    );
  }
  if (results.problems.length === 0) console.log('Everybody was heard.');
  else console.log(['NOT AS IT SHOULD BE:', ...results.problems].join('\n  '));
  if (json !== undefined) writeFileSync(json, asJson(results));
}

async function demonstrate(options: Options, curtain: Curtain, story: Story): Promise<number> {
  const nothing: CallResult = { take: undefined, delays: undefined };
  let results: Results;
  let stage: Stage | undefined;
  try {
    clearOutput();
    stage = await openStage(curtain, story);
    results = await perform(stage, story);
  } catch (error) {
    story.tell(`FAILED: ${(error as Error).message}`);
    results = { dialIn: nothing, dialOut: nothing, problems: [firstSentence(error)] };
  }
  // What an interruption broke off is no result.
  if (curtain.hasFallen) return exitCodes.interrupted;
  report(results, options);
  const code = results.problems.length === 0 ? exitCodes.heard : exitCodes.failed;
  process.exitCode = code;
  if (options.keep && stage !== undefined) await keepOpen(stage, story);
  return code;
}

async function main(options: Options): Promise<number> {
  const curtain = new Curtain();
  const story = new Story();
  const interrupted = interruption();
  let code: number;
  try {
    code = await Promise.race([demonstrate(options, curtain, story), interrupted]);
  } catch (error) {
    if (error instanceof Interrupted) {
      // With --keep an interruption is the proper end; the verdict stands.
      code = Number(process.exitCode ?? exitCodes.interrupted);
    } else {
      console.error(error);
      code = exitCodes.failed;
    }
  }
  story.end();
  story.epilogue('ending everything');
  const problems = await curtain.fall();
  for (const problem of problems) story.epilogue(problem);
  if (problems.length === 0) story.epilogue('everything has ended');
  return problems.length > 0 ? exitCodes.failed : code;
}

const options = readOptions();
if (options === undefined) console.log(usage);
// Timers of an interrupted call would hold the process.
else process.exit(await main(options));
