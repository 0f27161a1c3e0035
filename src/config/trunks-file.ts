import type { z } from 'zod';
import { accountKeys } from './account-options.ts';
import type { DialRoute } from './config.ts';
import * as kinds from './kinds.ts';
import { suggestion } from './nearest-name.ts';
import { type Option, type OptionKey, optionKeys, options } from './options.ts';
import type { Problem } from './problem.ts';
import type { SecretFile } from './secret-file.ts';
import type { Given, Source } from './settings.ts';
import { givenIn, isMapping, type Mapping, valueAt } from './yaml-values.ts';

/** An account of `sip.accounts`; its values are not yet looked at. */
export interface AccountGiven {
  readonly name: string;
  /** For the operator, e.g. `jigasi.yaml sip.accounts.carrier`. */
  readonly from: string;
  readonly source: Source;
}

export interface RouteGiven extends DialRoute {
  readonly from: string;
}

/** What a file says beside the options: further accounts, and rules for dialled numbers. */
export interface Trunks {
  readonly accounts: readonly AccountGiven[];
  readonly routes: readonly RouteGiven[];
}

const most = 100;
const accountNames = accountKeys.flatMap((key): string[] => {
  const name = key.slice('sip.'.length);
  return (options[key] as Option).secret ? [name, `${name}File`] : [name];
});
const routeNames = ['prefixes', 'domains', 'header', 'accounts'];

/** Reads `accounts` and `routes` of the section `sip`; what is wrong is added to `problems`. */
export function readTrunks(sip: unknown, file: string, secretFile: SecretFile, problems: Problem[]): Trunks {
  const accounts = namedMappings(valueAt(sip, 'accounts'), file, problems).map(
    ({ name, listed, mapping }) => {
      checkNames(mapping, listed ? ['name', ...accountNames] : accountNames, adviceForAccount, problems);
      const source = new Map<OptionKey, Given>();
      for (const key of accountKeys) {
        const given = givenIn(mapping, key, secretFile, problems);
        if (given !== undefined) source.set(key, given);
      }
      return { name, from: `${file} ${mapping.place}`, source };
    },
  );
  return { accounts, routes: readRoutes(valueAt(sip, 'routes'), file, problems) };
}

interface Named {
  readonly name: string;
  /** The name is a value of the mapping itself. */
  readonly listed: boolean;
  readonly mapping: Mapping;
}

/** A mapping by name, or a list of mappings with a `name` each. */
function namedMappings(accounts: unknown, file: string, problems: Problem[]): Named[] {
  const place = 'sip.accounts';
  if (accounts === undefined) return [];
  if (!isMapping(accounts) && !Array.isArray(accounts)) {
    problems.push(noMapping(`${file} ${place}`, 'Give a name for each account, with its settings below.'));
    return [];
  }
  const listed = Array.isArray(accounts);
  const entries: [string, unknown][] = Object.entries(accounts).slice(0, most);
  if (Object.keys(accounts).length > most)
    problems.push({ from: `${file} ${place}`, what: `there are more than ${most}`, remedy: 'Remove some.' });
  return entries.flatMap(([key, values]) => {
    const from = `${file} ${place}.${key}`;
    if (!isMapping(values)) {
      problems.push(noMapping(from, 'Give its settings as names below it.'));
      return [];
    }
    const given = listed ? { raw: valueAt(values, 'name'), from: `${from}.name` } : { raw: key, from };
    const name = checked(kinds.accountName, given, problems);
    return name === undefined ? [] : [{ name, listed, mapping: { values, file, place: `${place}.${name}` } }];
  });
}

function readRoutes(routes: unknown, file: string, problems: Problem[]): RouteGiven[] {
  if (routes === undefined) return [];
  if (!Array.isArray(routes)) {
    problems.push(noMapping(`${file} sip.routes`, 'Give a list of rules.'));
    return [];
  }
  return routes.slice(0, most * 10).flatMap((values: unknown, index) => {
    const mapping = { values, file, place: `sip.routes.${index}` };
    if (isMapping(values)) return [readRoute(mapping, problems)];
    problems.push(noMapping(`${file} ${mapping.place}`, `Names in a rule are ${routeNames.join(', ')}.`));
    return [];
  });
}

function readRoute(mapping: Mapping, problems: Problem[]): RouteGiven {
  checkNames(mapping, routeNames, () => undefined, problems);
  const read = <T>(name: string, kind: Checkable<T>): T | undefined => {
    const raw = valueAt(mapping.values, name);
    const from = `${mapping.file} ${mapping.place}.${name}`;
    return raw === undefined ? undefined : checked(kind, { raw, from }, problems);
  };
  const from = `${mapping.file} ${mapping.place}`;
  if (valueAt(mapping.values, 'accounts') === undefined)
    problems.push({ from, what: 'accounts is missing', remedy: 'Name the accounts that the rule chooses.' });
  return {
    from,
    prefixes: read('prefixes', kinds.numberPrefixes) ?? [],
    domains: read('domains', kinds.hostsOrAddresses) ?? [],
    header: read('header', kinds.headerMatch),
    accounts: read('accounts', kinds.accountNames) ?? [],
  };
}

interface Checkable<T> {
  readonly expects: string;
  readonly schema: z.ZodType<T>;
}

function checked<T>({ expects, schema }: Checkable<T>, given: Given, problems: Problem[]): T | undefined {
  const parsed = schema.safeParse(given.raw);
  if (parsed.success) return parsed.data;
  const what = given.raw === undefined ? 'it is missing' : 'this is not valid';
  problems.push({ from: given.from, what, remedy: `Give ${expects}.` });
  return undefined;
}

/** A name that is not known is a problem, never ignored. */
function checkNames(
  { values, file, place }: Mapping,
  known: readonly string[],
  advice: (name: string) => string | undefined,
  problems: Problem[],
): void {
  for (const name of isMapping(values) ? Object.keys(values) : []) {
    if (known.includes(name)) continue;
    const remedy = advice(name) ?? suggestion(name, known, `Names here are ${known.join(', ')}.`);
    problems.push({ from: `${file} ${place}.${name}`, what: 'unknown name', remedy });
  }
}

function adviceForAccount(name: string): string | undefined {
  const wide = optionKeys.find((key) => key === `sip.${name}`);
  return wide === undefined ? undefined : `It counts for all accounts: ${wide}.`;
}

function noMapping(from: string, remedy: string): Problem {
  return { from, what: 'this is not what stands here', remedy };
}
