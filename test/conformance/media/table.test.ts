import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const root = new URL('../../../', import.meta.url);
const page = readFileSync(new URL('docs/conformance-media.md', root), 'utf8');
const standards = ['RFC 3711 B.2', 'RFC 3711 B.3', 'RFC 7714', 'RFC 5769', 'G.711', 'G.722'];

/** Behaviour, files under src/media, test file, test. */
function rows(): string[][] {
  const cells = page
    .split('\n')
    .filter((line) => /^\| .*\.test\.ts \|/.test(line))
    .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '')));
  return cells;
}

/** True when the file has a test of this name, as a literal or a template. */
function hasTest(file: string, name: string): boolean {
  const text = readFileSync(new URL(file, root), 'utf8');
  const quoted = [`'${name}'`, `"${name}"`, `\`${name}\``];
  return quoted.some((literal) =>
    new RegExp(`\\b(?:test|it)\\(\\s*${literal.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`).test(text),
  );
}

test('docs/conformance-media.md names files and tests that are there', () => {
  const listed = rows();
  assert.ok(listed.length >= 80, `${listed.length} lines`);
  for (const [behaviour, where, file, name] of listed) {
    assert.ok(behaviour && where && file && name, `${behaviour}: four cells`);
    for (const source of where.split(', ')) {
      assert.ok(existsSync(new URL(`src/media/${source}`, root)), `${behaviour}: ${source} is not there`);
    }
    assert.ok(existsSync(new URL(file, root)), `${behaviour}: ${file} is not there`);
    assert.ok(hasTest(file, name), `${behaviour}: ${file} has no test "${name}"`);
  }
});

test('the vectors of the standards are among them', () => {
  const listed = rows().map(([behaviour = '']) => behaviour);
  for (const standard of standards) {
    assert.ok(
      listed.some((behaviour) => behaviour.startsWith(standard)),
      `${standard} is missing`,
    );
  }
});
