import type { Option, OptionKey } from './options.ts';
import { options } from './options.ts';
import type { Problem } from './problem.ts';
import type { SecretFile } from './secret-file.ts';
import type { Given } from './settings.ts';

/** A mapping of a YAML file with the place where it stands, e.g. `jigasi.yaml` and `sip.accounts.carrier`. */
export interface Mapping {
  readonly values: unknown;
  readonly file: string;
  readonly place: string;
}

/** What a mapping says about an option: its value or, of a secret, that of the file it names. A failure is added to `problems`. */
export function givenIn(
  mapping: Mapping,
  key: OptionKey,
  secretFile: SecretFile,
  problems: Problem[],
): Given | undefined {
  const name = key.slice(key.indexOf('.') + 1);
  const raw = valueAt(mapping.values, name);
  const path = (options[key] as Option).secret ? valueAt(mapping.values, `${name}File`) : undefined;
  const place = `${mapping.place}.${name}`;
  const from = `${mapping.file} ${place}`;
  if (raw !== undefined && path !== undefined)
    problems.push({ from, what: `${place}File is given too`, remedy: 'Remove one of them.' });
  if (raw !== undefined) return { raw, from };
  return path === undefined ? undefined : fromFile(path, `${from}File`, secretFile, problems);
}

/** A key without a value counts as not given. */
export function valueAt(values: unknown, name: string): unknown {
  return isMapping(values) && Object.hasOwn(values, name) ? (values[name] ?? undefined) : undefined;
}

export function isMapping(values: unknown): values is Record<string, unknown> {
  return typeof values === 'object' && values !== null && !Array.isArray(values);
}

function fromFile(
  path: unknown,
  from: string,
  secretFile: SecretFile,
  problems: Problem[],
): Given | undefined {
  if (typeof path === 'string') return secretFile(path, from, problems);
  problems.push({ from, what: 'this is no path of a file', remedy: 'Give the path in quotes.' });
  return undefined;
}
