import { type DestinationStream, type LoggerOptions, pino, stdTimeFunctions } from 'pino';
import { prettyFactory } from 'pino-pretty';

/** What every room logs through. The context object comes first; its secrets are removed by name before it is written. */
export interface Log {
  trace(context: object, message: string): void;
  debug(context: object, message: string): void;
  info(context: object, message: string): void;
  warn(context: object, message: string): void;
  error(context: object, message: string): void;
  fatal(context: object, message: string): void;
  /** A logger that adds `bindings` to each of its lines. */
  child(bindings: Readonly<Record<string, unknown>>): Log;
}

export interface LogOptions {
  readonly level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace';
  /** `auto`: pretty on a terminal, JSON elsewhere. */
  readonly format: 'auto' | 'json' | 'pretty';
}

/** Where the lines go; each is one JSON text (or pretty text) with its line end. */
export interface LogDestination {
  write(line: string): unknown;
}

const secretNames = [
  'password',
  'Password',
  'passwd',
  'pwd',
  'pass',
  'secret',
  'token',
  'pin',
  'authorization',
  'Authorization',
  'proxyAuthorization',
  '["proxy-authorization"]',
  '["Proxy-Authorization"]',
  'roomPassword',
  'JvbRoomPassword',
  '["Jitsi-Conference-Room-Pass"]',
  '["jitsi-conference-room-pass"]',
  '["X-Room-Pass"]',
  '["x-room-pass"]',
  'icePwd',
  'ha1',
];

/** Pino matches exact paths only, so each name is given for the top and for three levels of nesting. */
const redactedPaths = ['', '*', '*.*', '*.*.*'].flatMap((prefix) =>
  secretNames.map((name) =>
    prefix === '' || name.startsWith('[') ? `${prefix}${name}` : `${prefix}.${name}`,
  ),
);

/** The root logger; one per process. Without `destination` it writes to standard output, synchronously. */
export function createLog(options: LogOptions, destination?: LogDestination): Log {
  const settings: LoggerOptions = {
    level: options.level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: redactedPaths, censor: '[removed]' },
  };
  const output = destination ?? pino.destination(1);
  return pino(
    settings,
    isPretty(options, destination) ? prettyOutput(output, destination) : asStream(output),
  );
}

/** For tests and for code that runs before the root logger exists. */
export const silentLog: Log = {
  trace: ignore,
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
  fatal: ignore,
  child: () => silentLog,
};

function ignore(): void {}

function isPretty(options: LogOptions, destination: LogDestination | undefined): boolean {
  if (options.format !== 'auto') return options.format === 'pretty';
  return destination === undefined && process.stdout.isTTY === true;
}

function prettyOutput(output: LogDestination, destination: LogDestination | undefined): DestinationStream {
  const format = prettyFactory({
    colorize: destination === undefined && process.stdout.isTTY === true,
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
  });
  return { write: (line) => void output.write(format(disarm(line))) };
}

function asStream(output: LogDestination): DestinationStream {
  return { write: (line) => void output.write(line) };
}

/**
 * A pretty line shows the peer's words as they are; an escape sequence among them would command the operator's terminal.
 * Control characters other than the line feed are shown as `\u00xx` text.
 */
function disarm(json: string): string {
  return json
    .replace(/\\\\|\\r|\\b|\\f|\\u00[01][0-9a-f]/g, (sequence) =>
      sequence === '\\\\' ? sequence : `\\${sequence}`,
    )
    .replace(/[\u007f-\u009f]/g, (character) => `\\\\u00${character.charCodeAt(0).toString(16)}`);
}
