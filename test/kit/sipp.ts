import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from './child.ts';
import { expandScenario } from './sipp-text.ts';
import { freeUdpPorts } from './udp-ports.ts';
import { until } from './until.ts';

/** Names of the files in test/kit/sipp; each says at its top what it does and which keys it takes. */
export type SippScenario =
  | 'dial-in'
  | 'dial-in-cancel'
  | 'dial-in-hold'
  | 'dial-in-offerless'
  | 'answer'
  | 'refuse';

export interface SippOptions {
  /** One of ours by name, or a file, which may have the blocks of `expandScenario`. */
  readonly scenario: SippScenario | URL;
  /** Where the calls go; undefined: it waits for calls. */
  readonly target?: { readonly host: string; readonly port: number };
  /** User of the request URI. Default `gateway`. */
  readonly service?: string;
  /** `[name]` in the scenario. */
  readonly keys?: Readonly<Record<string, string>>;
  /** Number of calls, calls begun per second, calls at one time. Default 1 each. */
  readonly calls?: number;
  readonly rate?: number;
  readonly limit?: number;
  /** It gives up (and fails) after this. Default 30 s. */
  readonly timeoutSeconds?: number;
  /** What the script does not expect, such as a repetition that comes late, is passed over. Default: it ends the call. */
  readonly tolerant?: boolean;
  /** Sends RTP back to where it came from. Default true. */
  readonly echo?: boolean;
}

export interface SippResult {
  /** 0: every call went as the scenario says; 1: at least one did not. */
  readonly code: number | null;
  /** What sipp said about calls that failed. */
  readonly errors: string;
  /** Every SIP message, sent and received. */
  readonly messages: string;
}

export interface Sipp {
  readonly port: number;
  /** Where to call it (scenarios `answer` and `refuse`). */
  readonly uri: string;
  readonly result: Promise<SippResult>;
  /** Ends it now; for those that still wait for calls. */
  stop(): Promise<void>;
}

/** Debian's sipp with one of our scenarios. A waiting one is ready when this resolves. */
export async function startSipp(options: SippOptions): Promise<Sipp> {
  const [port, mediaPort] = (await freeUdpPorts(2)) as [number, number];
  const directory = await mkdtemp(join(tmpdir(), 'jigasi-sipp-'));
  await writeFile(join(directory, 'scenario.xml'), scenario(options));
  const child = new Child('sipp', sippArguments(options, port, mediaPort), { cwd: directory });
  const read = (name: string) =>
    existsSync(join(directory, name)) ? readFileSync(join(directory, name), 'utf8') : '';
  const result = child.exited.then(async ({ code }) => {
    const outcome = {
      code,
      errors: read('errors') || (code === 0 ? '' : child.tail()),
      messages: read('messages'),
    };
    await rm(directory, { recursive: true, force: true });
    return outcome;
  });
  if (!options.target) await until('sipp has bound its port', () => !child.running || bound(port));
  return {
    port,
    uri: `sip:sipp@127.0.0.1:${port}`,
    result,
    stop: async () => {
      await child.stop('SIGKILL');
      await result;
    },
  };
}

/** Runs a calling scenario to its end. */
export async function runSipp(options: SippOptions): Promise<SippResult> {
  return (await startSipp(options)).result;
}

/** The keys are filled in as text: sipp's own `-key` works nowhere in a status line. */
function scenario({ scenario, keys = {} }: SippOptions): string {
  const file = scenario instanceof URL ? scenario : new URL(`sipp/${scenario}.xml`, import.meta.url);
  const text = readFileSync(file, 'utf8');
  const filled = Object.entries(keys).reduce(
    (present, [name, value]) => present.replaceAll(`[${name}]`, value),
    text,
  );
  return expandScenario(filled);
}

function sippArguments(options: SippOptions, port: number, mediaPort: number): string[] {
  const { target, calls = 1, rate = 1, limit = 1 } = options;
  return [
    ...(target ? [`${target.host}:${target.port}`] : []),
    ...['-sf', 'scenario.xml', '-s', options.service ?? 'gateway'],
    ...['-i', '127.0.0.1', '-p', String(port), '-mi', '127.0.0.1', '-mp', String(mediaPort)],
    ...['-m', String(calls), '-r', String(rate), '-l', String(limit)],
    ...['-timeout', `${options.timeoutSeconds ?? 30}s`, '-timeout_error', '-nostdin', '-deadcall_wait', '0'],
    ...['-trace_err', '-error_file', 'errors', '-trace_msg', '-message_file', 'messages'],
    ...(options.tolerant === true ? ['-default_behaviors', 'none'] : []),
    ...(options.echo === false ? [] : ['-rtp_echo']),
  ];
}

function bound(port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return readFileSync('/proc/net/udp', 'latin1').includes(`:${hex} `);
}
