import { parseDocument } from 'yaml';
import { z } from 'zod';
import { suggestion } from './nearest-name.ts';
import { type Option, type OptionKey, optionKeys, options } from './options.ts';
import type { Problem } from './problem.ts';
import type { SecretFile } from './secret-file.ts';
import type { Given, Source } from './settings.ts';
import { readTrunks, type Trunks } from './trunks-file.ts';
import { givenIn, valueAt } from './yaml-values.ts';

/** The places in the file: `section.name`; a secret has a second one, `section.nameFile`. */
const places = [
  ...optionKeys.flatMap((key): string[] => ((options[key] as Option).secret ? [key, `${key}File`] : [key])),
  'sip.accounts',
  'sip.routes',
];
const sections = [...new Set(places.map((place) => place.split('.')[0] ?? ''))];

/** Strict: a key that is not known is a problem, never ignored. Values are checked later, when it is clear which one counts. */
const schema = z.strictObject(
  Object.fromEntries(sections.map((section) => [section, z.strictObject(namesIn(section)).nullish()])),
);

/** Reads jigasi.yaml; `file` names it in messages. */
export function readYaml(
  text: string,
  file: string,
  secretFile: SecretFile,
): { readonly source: Source; readonly trunks: Trunks; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const document = parseYaml(text, file, problems);
  const checked = schema.safeParse(document ?? {});
  for (const issue of checked.error?.issues ?? []) problems.push(...describe(issue, file));
  const source = new Map<OptionKey, Given>();
  for (const key of optionKeys) {
    const place = key.slice(0, key.indexOf('.'));
    const given = givenIn({ values: valueAt(document, place), file, place }, key, secretFile, problems);
    if (given !== undefined) source.set(key, given);
  }
  return { source, trunks: readTrunks(valueAt(document, 'sip'), file, secretFile, problems), problems };
}

function parseYaml(text: string, file: string, problems: Problem[]): unknown {
  try {
    const document = parseDocument(text);
    for (const { message } of document.errors) {
      problems.push({ from: file, what: firstLine(message), remedy: 'Correct the YAML there.' });
    }
    return document.errors.length > 0 ? undefined : document.toJS({ maxAliasCount: 20 });
  } catch (error) {
    problems.push({
      from: file,
      what: firstLine(String(error)),
      remedy: 'Write it without anchors and deep nesting.',
    });
    return undefined;
  }
}

/** The library shows the lines around an error; they may hold a secret. */
function firstLine(message: string): string {
  return message.split('\n')[0]?.replace(/:$/, '') ?? '';
}

function describe(issue: z.core.$ZodIssue, file: string): Problem[] {
  const path = issue.path.join('.');
  if (issue.code !== 'unrecognized_keys') {
    const what = 'there should be a section with names below it';
    return [{ from: `${file} ${path}`.trim(), what, remedy: `Sections are ${sections.join(', ')}.` }];
  }
  return issue.keys.map((key) => ({
    from: `${file} ${path === '' ? key : `${path}.${key}`}`,
    what: 'unknown name',
    remedy: path === '' ? adviceForSection(key) : adviceForName(path, key),
  }));
}

function adviceForSection(name: string): string {
  return elsewhere(name) ?? suggestion(name, sections, `Sections are ${sections.join(', ')}.`);
}

function adviceForName(section: string, name: string): string {
  const here = Object.keys(namesIn(section));
  return elsewhere(name) ?? suggestion(name, here, `Names in ${section} are ${here.join(', ')}.`);
}

/** The name is right, its section is not. */
function elsewhere(name: string): string | undefined {
  const place = places.find((candidate) => candidate.split('.')[1] === name);
  return place === undefined ? undefined : `It belongs to another section: ${place}.`;
}

function namesIn(section: string): Record<string, z.ZodType> {
  const names = places
    .filter((place) => place.startsWith(`${section}.`))
    .map((place) => place.slice(section.length + 1));
  return Object.fromEntries(names.map((name) => [name, z.unknown().optional()]));
}
