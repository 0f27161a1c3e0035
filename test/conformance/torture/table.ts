import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import type { TortureCase } from './case.ts';

const docs = new URL('../../../docs/', import.meta.url);

/** One row per case: `done` is what the engine did in this very run. */
export function table(cases: readonly TortureCase[], done: ReadonlyMap<string, string>): string {
  const rows = cases.map(({ file, title, asks }) => {
    const dash = file.indexOf('-');
    const [section, name] = [file.slice(0, dash), file.slice(dash + 1)];
    return `| ${section} | \`${name}\` | ${title} | ${asks} | ${done.get(file) ?? 'NOT RUN'} |`;
  });
  return [
    `${done.size} of ${cases.length} as required.`,
    '',
    '| section | message | title | what the RFC asks for | what the engine did |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

/** Compares the part of a page of docs/ between the marks of `name`; `UPDATE=1` writes it. */
export function checkPage(
  name: string,
  content: string,
  command = 'npm run conformance',
  file = 'conformance-sip.md',
): void {
  const page = new URL(file, docs);
  const [begin, end] = [`<!-- ${name}: made by ${command} -->`, `<!-- /${name} -->`];
  const text = readFileSync(page, 'utf8');
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  assert.ok(from >= 0 && to > from, `docs/${file} lost the marks of ${name}`);
  const wanted = `${text.slice(0, from + begin.length)}\n${content}\n${text.slice(to)}`;
  if (process.env.UPDATE === '1') writeFileSync(page, wanted);
  else assert.ok(text === wanted, `docs/${file} (${name}) is not current: ${command}`);
}
