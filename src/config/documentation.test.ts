import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { pages, updated } from '../../scripts/configuration-table.ts';
import { knownVariables } from './environment.ts';
import { loadConfig } from './load.ts';
import { type Option, optionKeys, options } from './options.ts';

const file = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const env = file('config/.env.example');
const yaml = file('config/jigasi.example.yaml');

function load(files: Record<string, string>) {
  return loadConfig({
    argv: [],
    env: {},
    cwd: '/',
    readFile: (path) => {
      const text = files[path];
      if (text === undefined) throw Object.assign(new Error('no'), { code: 'ENOENT' });
      return text;
    },
  });
}

test('the tables of options in the pages are those of the code (else: node scripts/configuration-table.ts)', () => {
  for (const page of pages) {
    const text = readFileSync(page, 'utf8');
    assert.equal(text, updated(text));
  }
});

test('.env.example as it is starts without a warning', () => {
  assert.partialDeepStrictEqual(load({ '/.env': env }), { kind: 'config', warnings: [] });
});

test('.env.example shows every variable, with a value that is valid, and no other', () => {
  const shown = [...env.matchAll(/^#? ?([A-Z][A-Z0-9_]+)=/gm)].map(([, name]) => name);
  assert.deepEqual(shown.sort(), knownVariables().sort());
  const all = env.replaceAll(/^# (?=[A-Z][A-Z0-9_]+=)/gm, '').replaceAll(/^\w+(?:_FILE|_CONFIG)=.*$/gm, '');
  assert.partialDeepStrictEqual(load({ '/.env': all }), { kind: 'config', warnings: [] });
});

test('jigasi.example.yaml as it is starts without a warning', () => {
  assert.partialDeepStrictEqual(load({ '/jigasi.yaml': yaml }), { kind: 'config', warnings: [] });
});

test('jigasi.example.yaml shows every name, with a value that is valid', () => {
  const all = yaml
    .replaceAll(/^( +)# (?=[a-zA-Z0-9]+: ?\S)(?!\w+:? \w+ \w+)/gm, '$1')
    .replaceAll(/^ +\w+File: .*$/gm, '');
  for (const key of optionKeys) assert.match(all, new RegExp(`^  ${key.split('.')[1]}:`, 'm'), key);
  assert.partialDeepStrictEqual(load({ '/jigasi.yaml': all }), { kind: 'config', warnings: [] });
});

test('defaults that the examples show are the defaults of the code', () => {
  const environment = new Map(
    [...env.matchAll(/^# ([A-Z][A-Z0-9_]+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
  );
  for (const key of optionKeys) {
    const { fallback, environment: names }: Option = options[key];
    const shown = environment.get(names[0]);
    if (fallback === undefined || shown === undefined) continue;
    assert.equal(shown, Array.isArray(fallback) ? fallback.join(',') : String(fallback), key);
  }
});
