#!/usr/bin/env node
import { loadConfig } from './config/load.ts';
import { describeProblems } from './config/problem.ts';
import { Gateway } from './gateway.ts';
import { createLog, type Log } from './log.ts';

/** sysexits.h: EX_CONFIG and EX_UNAVAILABLE. Nothing but this file ends the process. */
const exitCodes = { config: 78, unavailable: 69, bug: 70, impatient: 130 } as const;

/** Goodbyes that take longer than this will not come any more. */
const stopLimitMs = 15_000;

async function main(): Promise<void> {
  const loaded = loadConfig({ argv: process.argv.slice(2) });
  if (loaded.kind === 'text') {
    process.stdout.write(`${loaded.text}\n`);
    return;
  }
  if (loaded.kind === 'problems') {
    for (const warning of loaded.warnings) process.stderr.write(`warning: ${warning}\n`);
    process.stderr.write(`${describeProblems(loaded.problems)}\n`);
    process.exitCode = exitCodes.config;
    return;
  }
  const { config, warnings } = loaded;
  const log = createLog(config.log);
  for (const warning of warnings) log.warn({ event: 'config-warning' }, warning);
  const gateway = new Gateway(config, log);
  gateway.on('fatal', (why) => {
    log.fatal({ event: 'fatal' }, why.message);
    void shutDown(gateway, log, exitCodes.config);
  });
  obeySignals(gateway, log);
  reportBugs(gateway, log);
  await start(gateway, log);
}

async function start(gateway: Gateway, log: Log): Promise<void> {
  try {
    const started = await gateway.start();
    if (started.ok) return;
    log.fatal({ event: 'fatal', reason: started.error.code }, started.error.detail ?? started.error.code);
    await shutDown(gateway, log, exitCodes.unavailable);
  } catch (error) {
    // A refused secret has come as `fatal` already.
    log.debug({ err: error }, 'start was given up');
    await shutDown(gateway, log, exitCodes.unavailable);
  }
}

let stopping: Promise<void> | undefined;

/** Says goodbye everywhere and exits with `code`; only the first caller decides the code. */
function shutDown(gateway: Gateway, log: Log, code: number): Promise<void> {
  stopping ??= (async () => {
    setTimeout(() => {
      log.error({ event: 'stop-timeout' }, 'not everything could be ended in time');
      process.exit(exitCodes.bug);
    }, stopLimitMs).unref();
    try {
      await gateway.stop();
    } catch (error) {
      log.error({ event: 'bug', err: error }, 'stopping failed');
      process.exit(exitCodes.bug);
    }
    process.exit(code);
  })();
  return stopping;
}

/** The first signal ends the calls properly, the second one ends the process at once. */
function obeySignals(gateway: Gateway, log: Log): void {
  let signals = 0;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      signals += 1;
      if (signals > 1) process.exit(exitCodes.impatient);
      log.info({ event: 'signal', signal }, 'ending the calls; a second signal exits at once');
      void shutDown(gateway, log, 0);
    });
  }
}

/** An exception that nobody caught is a bug; state may be broken, so the calls get their goodbyes and the supervisor a new process. */
function reportBugs(gateway: Gateway, log: Log): void {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      log.fatal({ event: 'bug', err: error }, `${event}: please report this`);
      void shutDown(gateway, log, exitCodes.bug);
    });
  }
}

await main();
