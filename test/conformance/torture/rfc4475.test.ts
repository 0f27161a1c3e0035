import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { quickTimes, startEngine, type TestEngine } from '../../kit/sip-engine.ts';
import { rfc4475 } from './rfc4475-cases.ts';
import { readFixture, runCase } from './run.ts';
import { checkPage, table } from './table.ts';

let gateway: TestEngine;
const done = new Map<string, string>();

before(async () => {
  gateway = await startEngine({ times: quickTimes });
});

after(() => gateway.stop());

test('no message of RFC 4475 is missing', () => {
  const files = readdirSync(new URL('../../fixtures/rfc4475', import.meta.url)).map((name) =>
    name.replace('.txt', ''),
  );
  assert.deepEqual(files.sort(), rfc4475.map(({ file }) => file).sort());
  assert.equal(files.length, 49);
});

for (const torture of rfc4475) {
  test(`RFC 4475 §${torture.file}: ${torture.title}`, async () => {
    done.set(torture.file, await runCase(gateway, torture, readFixture('rfc4475', torture)));
  });
}

test('the table in docs/conformance-sip.md says what the engine does', () => {
  checkPage('rfc4475', table(rfc4475, done));
});
