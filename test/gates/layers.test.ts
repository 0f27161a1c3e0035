import assert from 'node:assert/strict';
import { test } from 'node:test';
import { layers, plant } from './tree.ts';

const imports = (target: string) => `import '${target}';\n`;

/** name of the rule, file that breaks it, what that file imports */
const forbidden: readonly [string, string, string][] = [
  ['xmpp-stands-alone', 'src/xmpp/a.ts', '../sip/target.ts'],
  ['xmpp-stands-alone', 'src/xmpp/a.ts', '../media/target.ts'],
  ['sip-stands-alone', 'src/sip/a.ts', '../xmpp/target.ts'],
  ['sip-stands-alone', 'src/sip/embedded/a.ts', '../../call/target.ts'],
  ['media-stands-alone', 'src/media/worker/a.ts', '../../sip/target.ts'],
  ['foundation-imports-no-room', 'src/errors.ts', './config/target.ts'],
  ['config-imports-only-the-foundation', 'src/config/a.ts', '../sip/target.ts'],
  ['call-imports-nothing-above-it', 'src/call/a.ts', '../gateway.ts'],
  ['gateway-does-not-import-cli', 'src/gateway.ts', './cli.ts'],
  ['product-does-not-import-its-tests', 'src/call/a.ts', '../../test/kit/target.ts'],
  ['resolvable', 'src/call/a.ts', './not-there.ts'],
  ['one-adapter-for-pino', 'src/call/a.ts', 'pino'],
  ['one-adapter-for-pino-pretty', 'src/call/a.ts', 'pino-pretty'],
  ['one-adapter-for--xmpp-ltx-', 'src/xmpp/a.ts', '@xmpp/component'],
  ['one-adapter-for-sdp-transform', 'src/sip/a.ts', 'sdp-transform'],
  ['one-adapter-for-sip-js', 'src/sip/embedded/a.ts', 'sip.js/lib/core/index.js'],
  ['one-adapter-for-werift', 'src/media/worker/a.ts', 'werift'],
  ['one-adapter-for-libopus-wasm', 'src/media/worker/a.ts', 'libopus-wasm'],
  ['one-adapter-for-commander', 'src/cli.ts', 'commander'],
  ['one-adapter-for--dotenv-yaml-zod-', 'src/sip/a.ts', 'zod'],
  ['one-adapter-for-ipaddr-js', 'src/sip/a.ts', 'ipaddr.js'],
];

const targets = {
  ...Object.fromEntries(
    ['xmpp', 'sip', 'media', 'call', 'config'].map((room) => [`src/${room}/target.ts`, 'export {};\n']),
  ),
  'test/kit/target.ts': 'export {};\n',
  'src/gateway.ts': 'export {};\n',
  'src/cli.ts': 'export {};\n',
};

for (const [rule, file, target] of forbidden) {
  test(`the layers gate refuses ${target} in ${file}`, (t) => {
    const { code, output } = layers(plant(t, { ...targets, [file]: imports(target) }));
    assert.equal(code, 1, output);
    assert.match(output, new RegExp(`^${rule}: ${file}`, 'm'));
  });
}

test('the layers gate refuses a circle', (t) => {
  const circle = { 'src/sip/a.ts': imports('./b.ts'), 'src/sip/b.ts': imports('./a.ts') };
  const { code, output } = layers(plant(t, circle));
  assert.equal(code, 1);
  assert.match(output, /^no-cycles: src\/sip\/a\.ts/m);
});

test('the layers gate passes a circle that types alone close', (t) => {
  const { code, output } = layers(
    plant(t, {
      'src/sip/a.ts': "import type { B } from './b.ts';\nexport type A = B;\n",
      'src/sip/b.ts': "import { c } from './c.ts';\nexport type B = typeof c;\n",
      'src/sip/c.ts': "import './a.ts';\nexport const c = 1;\n",
    }),
  );
  assert.equal(code, 0, output);
});

test('the layers gate refuses a forbidden import of types alone, which vanishes when the code runs', (t) => {
  const { code, output } = layers(
    plant(t, {
      'src/sip/a.ts': "import type { B } from '../media/b.ts';\nexport type A = B;\n",
      'src/media/b.ts': 'export type B = 1;\n',
    }),
  );
  assert.equal(code, 1);
  assert.match(output, /sip-stands-alone/);
});

test('the layers gate passes each library in its own adapter, and the allowed directions', (t) => {
  const { code, output } = layers(
    plant(t, {
      ...targets,
      'src/errors.ts': 'export {};\n',
      'src/log.ts': imports('pino'),
      'src/sip/sdp-text.ts': imports('sdp-transform') + imports('../errors.ts'),
      'src/call/a.ts': ['../xmpp', '../sip', '../media', '../config']
        .map((r) => imports(`${r}/target.ts`))
        .join(''),
      'test/kit/a.ts': imports('sdp-transform'),
    }),
  );
  assert.equal(code, 0, output);
});

test('the layers gate fails when it finds nothing', (t) => {
  const { code } = layers(plant(t, { 'src/README.md': 'no code\n' }));
  assert.equal(code, 1);
});

test('the layers gate fails when dependency-cruiser silently reads nothing', (t) => {
  const blind = "module.exports = { options: { exclude: { path: 'src/sip' } } };\n";
  const root = plant(t, {
    'src/sip/a.ts': 'export {};\n',
    'src/call/b.ts': 'export {};\n',
    'blind.cjs': blind,
  });
  const { code, output } = layers(root, 'blind.cjs');
  assert.equal(code, 1);
  assert.match(output, /^not read by dependency-cruiser: src\/sip\/a\.ts$/m);
});
