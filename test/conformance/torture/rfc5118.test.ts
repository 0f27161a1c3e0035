import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { quickTimes, startEngine, type TestEngine } from '../../kit/sip-engine.ts';
import { rfc5118 } from './rfc5118-cases.ts';
import { readFixture, runCase } from './run.ts';
import { checkPage, table } from './table.ts';

let gateway: TestEngine;
const done = new Map<string, string>();

before(async () => {
  gateway = await startEngine({ times: quickTimes });
});

after(() => gateway.stop());

test('no message of RFC 5118 is missing', () => {
  const files = readdirSync(new URL('../../fixtures/rfc5118', import.meta.url)).map((name) =>
    name.replace('.txt', ''),
  );
  assert.deepEqual(files.sort(), rfc5118.map(({ file }) => file).sort());
  assert.equal(files.length, 12);
});

for (const torture of rfc5118) {
  test(`RFC 5118 §${torture.file}: ${torture.title}`, async () => {
    done.set(torture.file, await runCase(gateway, torture, readFixture('rfc5118', torture)));
  });
}

test('the table in docs/conformance-sip.md says what the engine does', () => {
  checkPage('rfc5118', table(rfc5118, done));
});
