import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { bad, enough, good } from './load.fixture.ts';

const example = readFileSync(new URL('../../config/jigasi.example.yaml', import.meta.url), 'utf8');
const sip = (yaml: string, env: Record<string, string> = enough) => ({
  env,
  files: { 'jigasi.yaml': `sip:\n${yaml}`, secret: 'from a file\n' },
});
const accounts = (yaml: string, env?: Record<string, string>) => good(sip(yaml, env)).config.sip.accounts;
const {
  JIGASI_SIP_URI: _uri,
  JIGASI_SIP_SERVER: _server,
  JIGASI_SIP_PASSWORD: _secret,
  ...noAccount
} = enough;

test('accounts stand beside the flat one, and have from it what they do not say themselves', () => {
  const [first, second] = accounts(`
  defaultRoom: lobby
  codecs: [PCMA]
  transport: tcp
  authUser: someone
  port: 5080
  backupServers: [pbx2.example]
  accounts:
    carrier:
      uri: 4930@carrier.example
      register: false
      defaultRoom: hotline
      changePrefixes: ["+49=0", "+=00"]
      outgoingLimit: 3
  `);
  assert.equal(first.name, 'default');
  assert.partialDeepStrictEqual(second, {
    name: 'carrier',
    user: '4930',
    server: 'carrier.example',
    transport: 'tcp',
    profile: {
      defaultRoom: 'hotline',
      codecs: ['PCMA'],
      rewriting: {
        strip: 0,
        prefix: '',
        changes: [
          { from: '+49', to: '0' },
          { from: '+', to: '00' },
        ],
      },
      limits: { incoming: undefined, outgoing: 3, outgoingPerSecond: undefined },
    },
  });
  // Who and where: the carrier must not get the password of the PBX, nor calls meant for it.
  assert.equal(second?.password, undefined);
  assert.equal(second?.authUser, '4930');
  assert.equal(second?.port, undefined);
  assert.deepEqual(second?.backupServers, []);
});

test('a list of accounts will do as well, and without a flat account the first of it is the first', () => {
  const list = accounts(
    `
  accounts:
    - name: office
      uri: 1000@pbx.example
      passwordFile: secret
    - name: carrier
      uri: gw@carrier.example
      register: no
  `,
    noAccount,
  );
  assert.deepEqual(
    list.map(({ name, password }) => [name, password]),
    [
      ['office', 'from a file'],
      ['carrier', undefined],
    ],
  );
});

test('each account has its own credentials for callers: a password does not go with another user', () => {
  const problems = bad(
    sip(`
  callerUser: office
  callerPassword: hush
  accounts:
    one: {uri: 1@a.example, register: no}
    two: {uri: 2@a.example, register: no, callerUser: two}
  `),
  );
  assert.deepEqual(
    problems.map(({ from, what }) => [from, what]),
    [['jigasi.yaml sip.accounts.two.callerPassword', 'it is missing']],
  );
});

test('everything that is wrong with accounts and rules is said at once, with its place', () => {
  const problems = bad(
    sip(`
  accounts:
    carrier:
      uri: gw@carrier.example
      sever: a.example
      listenPort: 5070
      codecs: [GSM]
      password: 12
    office:
      register: false
    default:
      uri: 1@b.example
      register: no
    "bad name":
      uri: 1@c.example
  routes:
    - prefixes: [+49]
      accounts: [carier]
    - prefixs: ["1"]
      accounts: [carrier]
    - header: "X: a\\x01"
  `),
  );
  const said = Object.fromEntries(
    problems.map(({ from, remedy }) => [from.replace('jigasi.yaml sip.', ''), remedy]),
  );
  assert.deepEqual(Object.keys(said).sort(), [
    'accounts.bad name',
    'accounts.carrier.codecs',
    'accounts.carrier.listenPort',
    'accounts.carrier.password',
    'accounts.carrier.sever',
    'accounts.default',
    'accounts.office',
    'routes.0.accounts',
    'routes.0.prefixes',
    'routes.1.prefixs',
    'routes.2',
    'routes.2.header',
  ]);
  assert.equal(said['accounts.carrier.sever'], 'Did you mean server?');
  assert.match(said['accounts.carrier.listenPort'] ?? '', /all accounts: sip\.listenPort/);
  assert.equal(said['routes.0.accounts'], 'Did you mean carrier?');
  assert.equal(said['routes.1.prefixs'], 'Did you mean prefixes?');
  assert.match(said['routes.0.prefixes'] ?? '', /in quotes/, 'YAML makes +49 a number');
});

test('what all accounts have from the flat settings is complained about once', () => {
  const problems = bad(
    sip(`
  defaultRoom: lobby@elsewhere.example
  accounts:
    carrier: {uri: gw@carrier.example, register: no}
  `),
  );
  assert.deepEqual(
    problems.map(({ from }) => from),
    ['jigasi.yaml sip.defaultRoom'],
  );
});

test('strangers may speak to us as soon as one account takes them', () => {
  const admission = (more: string) =>
    good(
      sip(`
  allowedSources: [192.0.2.1]
  accounts:
    carrier: {uri: gw@carrier.example, register: no, allowedSources: ${more}}
  `),
    ).config.sip.admission;
  assert.partialDeepStrictEqual(admission('[198.51.100.0/24]'), {
    open: false,
    allowedSources: ['192.0.2.1', '198.51.100.0/24'],
  });
  assert.partialDeepStrictEqual(admission('[]'), { open: true, allowedSources: ['192.0.2.1'] });
});

test('the accounts and rules of jigasi.example.yaml are valid', () => {
  const from = example.indexOf('  # accounts:');
  const to = example.indexOf('\n\n', from);
  const shown = example
    .slice(from, to)
    .replaceAll(/^ {2}# [A-Z].*\n/gm, '')
    .replaceAll(/^ {2}# /gm, '  ');
  const { config } = good(sip(shown));
  assert.deepEqual(
    config.sip.accounts.map(({ name }) => name),
    ['default', 'carrier'],
  );
  assert.equal(config.sip.routes?.length, 3);
  assert.deepEqual(config.sip.routes?.[1]?.header, { name: 'X-Trunk', value: 'gold' });
});
