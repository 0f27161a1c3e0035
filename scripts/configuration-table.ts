/** Writes the table of every option into docs/configuration.md and README.md: `node scripts/configuration-table.ts`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { accountKeys } from '../src/config/account-options.ts';
import { type Option, options } from '../src/config/options.ts';

const begin = '<!-- options: written by scripts/configuration-table.ts -->';
const end = '<!-- /options -->';
/** Where the tables stand. */
export const pages = ['docs/configuration.md', 'README.md'].map(
  (page) => new URL(`../${page}`, import.meta.url),
);

/** One table for each section, from the code that reads the options. */
export function optionTables(): string {
  const sections = Map.groupBy(Object.entries<Option>(options), ([key]) => sectionOf(key));
  const tables = [...sections].map(([section, entries]) =>
    [
      `### ${section}`,
      '',
      ...(section === ofAccounts ? [aboutAccounts, ''] : []),
      '| jigasi.yaml | environment | command line | default | meaning |',
      '|---|---|---|---|---|',
      ...entries.map(([key, option]) => row(key, option)),
    ].join('\n'),
  );
  return tables.join('\n\n');
}

const ofAccounts = 'sip, for each account';
const aboutAccounts = [
  'These describe the account `default`. In an entry of `sip.accounts`, without the `sip.`, each of them describes that account;',
  'there is a section about it in docs/configuration.md.',
].join('\n');

function sectionOf(key: string): string {
  return accountKeys.some((name) => name === key) ? ofAccounts : (key.split('.')[0] ?? '');
}

/** The page with its tables as the code would have them. */
export function updated(text: string): string {
  const [before, rest = ''] = text.split(begin);
  const after = rest.split(end)[1];
  if (after === undefined) throw new Error(`a page with the options lacks ${begin} or ${end}`);
  return `${before}${begin}\n\n${optionTables()}\n\n${end}${after}`;
}

function row(key: string, option: Option): string {
  const place = option.secret ? `\`${key}\`, \`${key}File\`` : `\`${key}\``;
  const variables = option.environment.flatMap((name) => (option.secret ? [name, `${name}_FILE`] : [name]));
  const flag = option.flag === undefined ? '' : `\`--${option.flag}\``;
  const old = option.properties.map((name) => `\`${name.split(':')[1]}\``);
  const about = old.length === 0 ? option.about : `${option.about} (old: ${old.join(', ')})`;
  return `| ${[place, code(variables), flag, fallback(option), about].join(' | ')} |`.replaceAll('  ', ' ');
}

function fallback({ fallback, fallbackText }: Option): string {
  if (fallback === undefined) return fallbackText ?? 'none';
  return code([Array.isArray(fallback) ? fallback.join(',') : String(fallback)]);
}

function code(texts: readonly string[]): string {
  return texts.map((text) => `\`${text}\``).join(', ');
}

if (import.meta.main) for (const page of pages) writeFileSync(page, updated(readFileSync(page, 'utf8')));
