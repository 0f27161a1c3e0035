import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { EngineKind } from '../../kit/sip-engines.ts';
import { checkPage } from '../torture/table.ts';

interface Listed {
  readonly name: string;
  readonly only?: EngineKind;
  readonly rfc?: string;
}

const here = fileURLToPath(new URL('.', import.meta.url));
const folder = 'test/conformance/sip';

/** The tests of a file, without running them. */
async function listed(file: string): Promise<Listed[]> {
  const env = { ...process.env, CONFORMANCE_LIST: '1', NODE_TEST_CONTEXT: undefined };
  const { stdout } = await promisify(execFile)(process.execPath, [`${here}${file}`], { env });
  return [...stdout.matchAll(/^conformance (\{.*\})$/gm)].map(([, json]) => JSON.parse(json ?? '') as Listed);
}

function row({ name, only, rfc }: Listed): string {
  const on = (kind: EngineKind): string =>
    only === undefined || only === kind ? 'tested' : 'drachtio-server’s';
  const section = (rfc ?? '').replace(/\d{4}/g, 'RFC $&');
  return `| ${name.replaceAll('|', '\\|')} | ${section} | ${on('embedded')} | ${on('drachtio')} |`;
}

test('the table of behaviours in docs/conformance-sip.md is that of the tests', async () => {
  const files = readdirSync(here).filter((file) => file.endsWith('.test.ts') && file !== 'table.test.ts');
  const parts: string[] = [];
  for (const file of files.sort()) {
    const tests = await listed(file);
    assert.ok(tests.length > 0, `${file} has no test for each engine`);
    for (const { name, rfc } of tests) assert.ok(rfc, `${file}: "${name}" names no section of an RFC`);
    parts.push(
      `### ${folder}/${file}\n`,
      '| behaviour, as the test is called | section | embedded | drachtio |',
      '|---|---|---|---|',
      ...tests.map(row),
      '',
    );
  }
  checkPage('behaviours', parts.join('\n').trimEnd());
});
