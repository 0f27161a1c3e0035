import { parse } from 'dotenv';
import { millisecondsToSeconds } from './durations.ts';
import { nearestName } from './nearest-name.ts';
import { type Option, type OptionKey, optionKeys, options } from './options.ts';
import type { Problem } from './problem.ts';
import type { SecretFile } from './secret-file.ts';
import type { Given, Source } from './settings.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface EnvironmentReading {
  readonly source: Source;
  readonly warnings: readonly string[];
  readonly problems: readonly Problem[];
}

/** Variables of docker-jitsi-meet and others that are known but mean nothing here. */
const withoutMeaning = new Set(
  `SIP_KEEP_ALIVE_METHOD DISABLE_SIP XMPP_USER XMPP_PASSWORD STATS_ID HEALTH_CHECK_SIP_URI
   HEALTH_CHECK_INTERVAL HEALTH_CHECK_TIMEOUT ENABLE_REST TRUSTED_DOMAINS MODE CONFIGURATION LOG_FILE MAX_MEMORY
   VISITORS_QUEUE_SERVICE VISITORS_QUEUE_SERVICE_PRIVATE_KEY_PATH ENABLE_TRANSCRIPTION`
    .split(/\s+/)
    .map((name) => `JIGASI_${name}`),
);

/** Reads the variables of a process or of a `.env` file; `place` names it in messages. An empty variable counts as unset. */
export function readEnvironment(
  environment: Environment,
  place: string,
  secretFile: SecretFile,
): EnvironmentReading {
  const source = new Map<OptionKey, Given>();
  const warnings: string[] = [];
  const problems: Problem[] = [];
  for (const key of optionKeys) {
    const option: Option = options[key];
    for (const name of option.environment) {
      const raw = environment[name] || undefined;
      const path = (option.secret && environment[`${name}_FILE`]) || undefined;
      const from = `${place} ${name}`;
      if (isClientPort(name, raw)) {
        warnings.push(
          `${from} is 5222, Prosody’s client port: ignored, because components have a port of their own`,
        );
        continue;
      }
      if (raw !== undefined && path !== undefined) problems.push(both(from));
      const given =
        path === undefined ? givenBy(name, raw, from) : secretFile(path, `${from}_FILE`, problems);
      if (given !== undefined && !source.has(key)) source.set(key, given);
    }
  }
  return { source, warnings: [...warnings, ...strangers(environment, place)], problems };
}

/** The text of a `.env` file as variables, with a warning for what its syntax silently cuts off. */
export function parseDotenv(
  text: string,
  place: string,
): { readonly environment: Environment; readonly warnings: string[] } {
  const warnings = text
    .split(/\r?\n/)
    .map((line) => /^\s*(?:export\s+)?(\w+)\s*=\s*[^\s"'`#][^"'`]*?[^\s#]#/.exec(line)?.[1])
    .filter((name) => name !== undefined)
    .map(
      (name) =>
        `${place} ${name}: everything from the # on is a comment; quote the value if it belongs to it`,
    );
  return { environment: parse(text), warnings };
}

function givenBy(name: string, raw: string | undefined, from: string): Given | undefined {
  if (raw === undefined) return undefined;
  return { raw: name === 'JIGASI_JVB_TIMEOUT' ? millisecondsToSeconds(raw) : raw, from };
}

/** docker-jitsi-meet users have `XMPP_PORT=5222` for their client connections. */
function isClientPort(name: string, raw: string | undefined): boolean {
  return name === 'XMPP_PORT' && raw === '5222';
}

function both(from: string): Problem {
  return { from, what: 'both the variable and its _FILE are set', remedy: 'Remove one of them.' };
}

/** A variable of ours that nobody reads is a typing error or belongs to the Java Jigasi. */
function strangers(environment: Environment, place: string): string[] {
  const known = knownVariables();
  const unread = Object.keys(environment).filter(
    (name) => name.startsWith('JIGASI_') && environment[name] && !known.includes(name),
  );
  const meaningless = unread.filter((name) => withoutMeaning.has(name));
  const warnings =
    meaningless.length === 0 ? [] : [`${place}: without meaning here: ${meaningless.join(', ')}`];
  for (const name of unread.filter((name) => !withoutMeaning.has(name))) {
    const nearest = nearestName(name, known);
    warnings.push(`${place} ${name} is unknown${nearest === undefined ? '' : `; did you mean ${nearest}?`}`);
  }
  return warnings;
}

/** Every variable that is read, the `_FILE` ones too. */
export function knownVariables(): string[] {
  const names = optionKeys.flatMap((key) => {
    const option: Option = options[key];
    return option.secret ? option.environment.flatMap((name) => [name, `${name}_FILE`]) : option.environment;
  });
  return [...new Set([...names, 'JIGASI_CONFIG'])];
}
