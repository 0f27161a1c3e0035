import { type DestinationStream, type Logger, type LoggerOptions, pino, stdTimeFunctions } from 'pino';
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

/** Names, in any case, whose values never reach the output. Pino's own redaction knows exact paths only, and costs 50 µs a line. */
const secretName =
  /^(?:.*(?:password|passwd|secret)|(?:.*[-_])?pass|room_?pass|(?:ice)?pwd|.*token|pin|ha1|(?:proxy-?)?authorization)$/i;
const deepest = 6;

/** The root logger; one per process. Without `destination` it writes to standard output, synchronously. */
export function createLog(options: LogOptions, destination?: LogDestination): Log {
  const settings: LoggerOptions = {
    level: options.level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }), log: redacted },
  };
  const output = destination ?? pino.destination(1);
  const stream = isPretty(options, destination) ? prettyOutput(output, destination) : asStream(output);
  return wrapped(pino(settings, stream));
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

/** Pino passes a child's bindings by its formatters. */
function wrapped(logger: Logger): Log {
  return {
    trace: (context, message) => logger.trace(context, message),
    debug: (context, message) => logger.debug(context, message),
    info: (context, message) => logger.info(context, message),
    warn: (context, message) => logger.warn(context, message),
    error: (context, message) => logger.error(context, message),
    fatal: (context, message) => logger.fatal(context, message),
    child: (bindings) => wrapped(logger.child(redacted(bindings))),
  };
}

function redacted(context: Record<string, unknown>): Record<string, unknown> {
  return redactedBelow(context, 0);
}

function redactedBelow(context: Record<string, unknown>, depth: number): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(context).map(([name, value]) => [name, redactedValue(name, value, depth)]),
  );
}

function redactedValue(name: string, value: unknown, depth: number): unknown {
  if (value !== undefined && value !== null && secretName.test(name)) return '[removed]';
  if (typeof value !== 'object' || value === null || value instanceof Error) return value;
  if (depth >= deepest) return '[too deep]';
  if (Array.isArray(value)) return value.map((entry: unknown) => redactedValue('', entry, depth + 1));
  // What has a text of its own (URL, Date, Buffer) keeps it.
  if ('toJSON' in value) return value;
  return redactedBelow(value as Record<string, unknown>, depth + 1);
}

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
