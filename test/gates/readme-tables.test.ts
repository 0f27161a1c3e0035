import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { endings } from '../../src/errors.ts';

const readme = new URL('../../README.md', import.meta.url);

/** The table of failures as the README must show it. `UPDATE=1` writes it there. */
function failuresTable(): string {
  const rows = Object.entries(endings).map(
    ([code, ending]) =>
      `| \`${code}\` | ${ending.sip} ${ending.phrase} | \`${ending.xmpp}\` | ${ending.status} | ${ending.remedy} |`,
  );
  return [
    '| code | SIP status and reason | dial IQ error | room reads | what to do |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

function updated(text: string, table: string): string {
  const [begin, end] = [
    '<!-- failures: made by UPDATE=1 node --test test/gates/readme-tables.test.ts -->',
    '<!-- /failures -->',
  ];
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  assert.ok(from >= 0 && to > from, 'README.md lost the marks around the table of failures');
  return `${text.slice(0, from + begin.length)}\n${table}\n${text.slice(to)}`;
}

test('the README lists every ending as the program knows it', () => {
  const text = readFileSync(readme, 'utf8');
  const wanted = updated(text, failuresTable());
  if (process.env.UPDATE === '1') writeFileSync(readme, wanted);
  else assert.equal(text, wanted, 'run: UPDATE=1 node --test test/gates/readme-tables.test.ts');
});
