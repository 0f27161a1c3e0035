import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { type CommandLine, readArguments } from './arguments.ts';
import { assemble } from './assemble.ts';
import type { Config } from './config.ts';
import { type Environment, parseDotenv, readEnvironment } from './environment.ts';
import type { Problem } from './problem.ts';
import { readProperties } from './properties-file.ts';
import { type SecretFile, secretFileReader } from './secret-file.ts';
import { Settings, type Source } from './settings.ts';
import { requireText, type TextFileReader, textFileReader } from './text-file.ts';
import type { Trunks } from './trunks-file.ts';
import { readYaml } from './yaml-file.ts';

export interface LoadInput {
  /** Arguments without the names of Node and of the script. */
  readonly argv: readonly string[];
  /** Default: that of the process. */
  readonly env?: Environment;
  /** Folder of `.env` and `jigasi.yaml`; relative paths start here. */
  readonly cwd?: string;
  /** Throws like `readFileSync`. */
  readonly readFile?: (path: string) => string;
  readonly cores?: number;
}

export type Loaded =
  /** `warnings` go to the log, once. */
  | { readonly kind: 'config'; readonly config: Config; readonly warnings: readonly string[] }
  /** `--help` or `--version`: print the text and exit with 0. */
  | { readonly kind: 'text'; readonly text: string }
  /** Show `describeProblems(problems)` and exit with 78. */
  | {
      readonly kind: 'problems';
      readonly problems: readonly Problem[];
      readonly warnings: readonly string[];
    };

/** What one source gave. */
interface Reading {
  readonly source: Source;
  readonly trunks?: Trunks;
  readonly warnings: readonly string[];
  readonly problems: readonly Problem[];
}

/**
 * Reads the whole configuration: command line, then environment, `.env`, jigasi.yaml, sip-communicator.properties and the
 * defaults; the first that knows a value decides. Reports every problem, not only the first. Never throws.
 */
export function loadConfig(input: LoadInput): Loaded {
  const line = readArguments(input.argv);
  if (line.wanted !== undefined)
    return { kind: 'text', text: line.wanted === 'help' ? line.help : version() };
  const env = input.env ?? process.env;
  const read = textFileReader(input.cwd ?? process.cwd(), input.readFile);
  const secretFile = secretFileReader(read);
  const dotenv = readDotenv(read);
  const readings: Reading[] = [
    line,
    readEnvironment(env, 'environment', secretFile),
    dotenv,
    readEnvironment(dotenv.environment, '.env', secretFile),
    ...readFiles(line, env.JIGASI_CONFIG || dotenv.environment.JIGASI_CONFIG || undefined, read, secretFile),
  ];
  const settings = new Settings(readings.map(({ source }) => source));
  const trunks = firstTrunks(readings);
  const { config, ...checked } = assemble(settings, trunks, input.cores ?? availableParallelism());
  const problems = [
    ...readings.flatMap((reading) => reading.problems),
    ...settings.problems,
    ...checked.problems,
  ];
  const warnings = [...readings.flatMap((reading) => reading.warnings), ...checked.warnings];
  if (problems.length > 0) return { kind: 'problems', problems, warnings };
  return { kind: 'config', config: freeze(config), warnings };
}

/** Of accounts and of rules, those of the first file that has some. */
function firstTrunks(readings: readonly Reading[]): Trunks {
  const files = readings.flatMap(({ trunks }) => (trunks === undefined ? [] : [trunks]));
  return {
    accounts: files.find(({ accounts }) => accounts.length > 0)?.accounts ?? [],
    routes: files.find(({ routes }) => routes.length > 0)?.routes ?? [],
  };
}

function readDotenv(read: TextFileReader): Reading & { readonly environment: Environment } {
  const file = read('.env');
  if (file.state === 'read') {
    return { source: new Map(), problems: [], ...parseDotenv(file.text, '.env') };
  }
  const unreadable = { from: '.env', what: file.why, remedy: 'Let this user read it, or remove it.' };
  return {
    source: new Map(),
    environment: {},
    warnings: [],
    problems: file.state === 'missing' ? [] : [unreadable],
  };
}

/** `jigasi.yaml` of the working directory is read only when no file and no folder is named. */
function readFiles(
  line: CommandLine,
  fromEnvironment: string | undefined,
  read: TextFileReader,
  secretFile: SecretFile,
): Reading[] {
  const readings: Reading[] = [];
  const folder = line.configDirectory;
  const named = line.configFile ?? (folder === undefined ? fromEnvironment : undefined);
  if (named !== undefined) {
    const from = line.configFile === undefined ? 'environment JIGASI_CONFIG' : 'command line --config';
    readings.push(readNamed(named, from, read, secretFile));
  }
  if (folder !== undefined) readings.push(...readFolder(folder, read, secretFile));
  if (named === undefined && folder === undefined) {
    readings.push(...readOptional('jigasi.yaml', read, secretFile));
  }
  return readings;
}

function readNamed(path: string, from: string, read: TextFileReader, secretFile: SecretFile): Reading {
  const problems: Problem[] = [];
  const text = requireText(read, path, from, problems);
  return text === undefined ? { source: new Map(), warnings: [], problems } : parse(path, text, secretFile);
}

function readFolder(folder: string, read: TextFileReader, secretFile: SecretFile): Reading[] {
  const names = ['jigasi.yaml', 'sip-communicator.properties'];
  const readings = names.flatMap((name) => readOptional(`${folder}/${name}`, read, secretFile));
  if (readings.length > 0) return readings;
  const what = `${folder} holds neither ${names.join(' nor ')}`;
  const problem = {
    from: 'command line --configdir',
    what,
    remedy: 'Correct the path, or let this user read the folder.',
  };
  return [{ source: new Map(), warnings: [], problems: [problem] }];
}

function readOptional(path: string, read: TextFileReader, secretFile: SecretFile): Reading[] {
  const file = read(path);
  if (file.state === 'read') return [parse(path, file.text, secretFile)];
  if (file.state === 'missing') return [];
  const problem = { from: path, what: file.why, remedy: 'Let this user read it.' };
  return [{ source: new Map(), warnings: [], problems: [problem] }];
}

/** By its name it is one or the other. */
function parse(path: string, text: string, secretFile: SecretFile): Reading {
  const name = basename(path);
  return name.endsWith('.properties')
    ? readProperties(text, name)
    : { warnings: [], ...readYaml(text, name, secretFile) };
}

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const number =
    typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : '?';
  return `jigasi ${String(number)}`;
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) freeze(inner);
  }
  return value;
}
