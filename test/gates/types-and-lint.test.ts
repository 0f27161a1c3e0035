import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lint, plant, types } from './tree.ts';

const wrongTypes: Readonly<Record<string, string>> = {
  'a string where a number is expected': "export const port: number = '5060';\n",
  'an index that may be missing': 'export const first = (list: number[]): number => list[0];\n',
  'an enum, which type stripping cannot run': 'export enum Leg {\n  Sip,\n}\n',
  'a parameter without a type': 'export const twice = (n) => n * 2;\n',
  'a catch variable used untested':
    'export function f(): string {\n  try {\n    return f();\n  } catch (error) {\n    return error.message;\n  }\n}\n',
};
for (const [what, text] of Object.entries(wrongTypes)) {
  test(`the types gate refuses ${what}`, (t) => {
    const { code, output } = types(plant(t, { 'src/a.ts': text }));
    assert.notEqual(code, 0);
    assert.match(output, /src\/a\.ts.*error TS/);
  });
}

const lines = (count: number) => Array.from({ length: count }, (_, n) => `  console.log(${n});\n`).join('');
/** rule that must answer → file, text */
const wrongStyle: readonly [string, string, string][] = [
  ['noExplicitAny', 'src/a.ts', 'export const f = (x: any) => x;\n'],
  ['noUnusedVariables', 'src/a.ts', 'export function f() {\n  const unused = 1;\n}\n'],
  ['format', 'src/a.ts', 'export const  a = "double";\n'],
  ['noDefaultExport', 'src/a.ts', 'export default 1;\n'],
  ['noProcessEnv', 'src/call/a.ts', 'export const home = process.env.HOME;\n'],
  [
    'only src/cli.ts may end the process',
    'src/call/a.ts',
    'export function stop() {\n  process.exit(1);\n}\n',
  ],
  ['noExcessiveLinesPerFunction', 'src/a.ts', `export function long() {\n${lines(61)}}\n`],
  [
    'noExcessiveLinesPerFile',
    'src/a.ts',
    Array.from({ length: 401 }, (_, n) => `export const a${n} = ${n};\n`).join(''),
  ],
];
for (const [rule, file, text] of wrongStyle) {
  test(`the lint gate answers with: ${rule}`, (t) => {
    const { code, output } = lint(plant(t, { [file]: text }));
    assert.equal(code, 1, output);
    assert.ok(output.includes(rule), output);
  });
}

test('the types and lint gates pass a clean file', (t) => {
  const root = plant(t, {
    'src/config/a.ts': 'export const home = process.env.HOME;\n',
    'src/cli.ts': 'process.exit(0);\n',
  });
  assert.deepEqual(types(root), { code: 0, output: '' });
  const { code, output } = lint(root);
  assert.equal(code, 0, output);
});
