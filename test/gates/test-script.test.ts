import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { plant } from './tree.ts';

const pass = "import { test } from 'node:test';\ntest('passes', () => {});\n";
const fail = "import { test } from 'node:test';\ntest('fails', () => { throw new Error('on purpose'); });\n";
const green = '#!/bin/sh\nexit 0\n';
const red = '#!/bin/sh\nexit 1\n';

/** The real test script around stand-ins for the tools, whose own gates are tested beside this. */
function npmTest(t: TestContext, files: Readonly<Record<string, string>>) {
  const root = plant(t, {
    'scripts/setup.sh': green,
    'scripts/layers.ts': '',
    'node_modules/.bin/tsc': green,
    'node_modules/.bin/biome': green,
    'src/a.test.ts': pass,
    'test/integration/b.test.ts': pass,
    ...files,
  });
  for (const tool of ['tsc', 'biome']) chmodSync(join(root, 'node_modules/.bin', tool), 0o755);
  cpSync(fileURLToPath(new URL('../../scripts/test.sh', import.meta.url)), join(root, 'scripts/test.sh'));
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const PATH = `${join(process.execPath, '..')}:${process.env.PATH}`;
  const run = spawnSync('bash', ['scripts/test.sh'], { cwd: root, encoding: 'utf8', env: { ...env, PATH } });
  return {
    code: run.status,
    output: run.stdout + run.stderr,
    closing: run.stdout.trimEnd().split('\n').at(-1),
  };
}

test('npm test passes when every gate passes, and counts all tests in its last line', (t) => {
  const { code, closing, output } = npmTest(t, {});
  assert.equal(code, 0, output);
  assert.equal(closing, '2 passed, 0 failed, 0 skipped');
});

const gates: readonly [string, Readonly<Record<string, string>>, string][] = [
  ['set-up', { 'scripts/setup.sh': red }, '0 passed, 1 failed, 0 skipped'],
  ['types', { 'node_modules/.bin/tsc': red }, '0 passed, 1 failed, 0 skipped'],
  ['lint', { 'node_modules/.bin/biome': red }, '0 passed, 1 failed, 0 skipped'],
  ['layers', { 'scripts/layers.ts': 'process.exitCode = 1;\n' }, '0 passed, 1 failed, 0 skipped'],
  ['unit tests', { 'src/c.test.ts': fail }, '1 passed, 1 failed, 0 skipped'],
  ['integration tests', { 'test/integration/c.test.ts': fail }, '2 passed, 1 failed, 0 skipped'],
  [
    'integration tests (no test was executed)',
    { 'test/integration/b.test.ts': pass.replace("test('", "test.skip('") },
    '1 passed, 1 failed, 1 skipped',
  ],
];
for (const [gate, files, last] of gates) {
  test(`npm test fails at: ${gate}`, (t) => {
    const { code, output, closing } = npmTest(t, files);
    assert.equal(code, 1, output);
    assert.ok(output.includes(`GATE FAILED: ${gate}\n`), output);
    assert.equal(closing, last);
  });
}
