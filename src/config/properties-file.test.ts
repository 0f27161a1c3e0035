import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from './load.ts';
import { parseProperties } from './properties-text.ts';

test('the syntax of Java properties', async (t) => {
  const cases: Record<string, [string, Record<string, string>]> = {
    'the three separators': ['a=1\nb: 2\nc 3\nd', { a: '1', b: '2', c: '3', d: '' }],
    'spaces around': ['  a \t=  1 2  \n', { a: '1 2  ' }],
    'a second separator belongs to the value': ['a==1\nb = :2', { a: '=1', b: ':2' }],
    comments: ['# a=1\n! b=2\n  # c=3\n\nd=#4', { d: '#4' }],
    'escaped separators': [
      'SIP\\:user\\=x\\ y=sip\\:1000@pbx.example',
      { 'SIP:user=x y': 'sip:1000@pbx.example' },
    ],
    'escaped characters': ['a=\\u00e4\\t\\n\\\\\\q', { a: 'ä\t\n\\q' }],
    'a continued line': ['a=one,\\\n    two,\\\r\n  three\nb=1', { a: 'one,two,three', b: '1' }],
    'an escaped backslash at the end continues nothing': ['a=c\\\\\nb=1', { a: 'c\\', b: '1' }],
    'three backslashes at the end are one and a continuation': ['a=c\\\\\\\nb', { a: 'c\\b' }],
    'a comment sign in a continued line is text': ['a=1\\\n#2', { a: '1#2' }],
    'a line that continues into the end': ['a=1\\', { a: '1' }],
    'the last of equal keys': ['a=1\na=2', { a: '2' }],
    'a broken unicode escape stays text': ['a=\\u12', { a: 'u12' }],
  };
  for (const [name, [text, expected]] of Object.entries(cases)) {
    await t.test(name, () => assert.deepEqual(Object.fromEntries(parseProperties(text)), expected));
  }
});

/** As the Debian package of Jigasi leaves it after the installation. */
const installed = `
# Sample config with one XMPP and one SIP account configured
net.java.sip.communicator.impl.protocol.SingleCallInProgressPolicy.enabled=false
net.java.sip.communicator.impl.protocol.sip.acc1403273890647=acc1403273890647
net.java.sip.communicator.impl.protocol.sip.acc1403273890647.ACCOUNT_UID=SIP\\:1000@pbx.example
net.java.sip.communicator.impl.protocol.sip.acc1403273890647.PASSWORD=aHVzaCE=
net.java.sip.communicator.impl.protocol.sip.acc1403273890647.PROTOCOL_NAME=SIP
net.java.sip.communicator.impl.protocol.sip.acc1403273890647.SERVER_ADDRESS=pbx.example
net.java.sip.communicator.impl.protocol.sip.acc1403273890647.USER_ID=1000@pbx.example
net.java.sip.communicator.impl.protocol.sip.acc1403273890647.KEEP_ALIVE_INTERVAL=25
net.java.sip.communicator.impl.protocol.sip.acc1403273890647.DOMAIN_BASE=<<DOMAIN_BASE>>
org.jitsi.jigasi.DEFAULT_JVB_ROOM_NAME=siptest@conference.meet.example
org.jitsi.jigasi.MUC_SERVICE_ADDRESS=conference.meet.example
org.jitsi.jigasi.ALLOWED_JID=SOME_JID@SOME_DOMAIN.COM
`;

const sip = 'net.java.sip.communicator.impl.protocol.sip.acc1';
const jabber = 'net.java.sip.communicator.impl.protocol.jabber.acc1';
const minimal = `${sip}.USER_ID=1000@pbx.example\n${sip}.PASSWORD=aHVzaCE=\n`;

function load(properties: string) {
  return loadConfig({
    argv: ['--domain=meet.example', '--config=sip-communicator.properties'],
    env: { JIGASI_COMPONENT_SECRET: 'hush' },
    cwd: '/',
    readFile: (path) => {
      if (path === '/sip-communicator.properties') return properties;
      throw Object.assign(new Error('no'), { code: 'ENOENT' });
    },
  });
}

function good(properties: string) {
  const loaded = load(properties);
  assert.ok(loaded.kind === 'config', JSON.stringify(loaded));
  return loaded;
}

test('an existing installation starts unchanged', () => {
  const { config, warnings } = good(installed);
  assert.partialDeepStrictEqual(config.sip.accounts, [
    {
      user: '1000',
      domain: 'pbx.example',
      password: 'hush!',
      server: 'pbx.example',
      port: undefined,
      profile: { defaultRoom: 'siptest@conference.meet.example' },
    },
  ]);
  assert.deepEqual(warnings, [
    'sip-communicator.properties: keys without meaning here: ' +
      [
        'net.java.sip.communicator.impl.protocol.SingleCallInProgressPolicy.enabled',
        'net.java.sip.communicator.impl.protocol.sip.acc1403273890647.KEEP_ALIVE_INTERVAL',
        'org.jitsi.jigasi.ALLOWED_JID',
      ].join(', '),
    'sip-communicator.properties: never filled in, ignored: net.java.sip.communicator.impl.protocol.sip.acc1403273890647.DOMAIN_BASE',
  ]);
});

test('all keys that have a meaning here', () => {
  const { config, warnings } = good(
    [
      `${sip}=acc1`,
      `${sip}.USER_ID=1000`,
      `${sip}.PASSWORD=aHVzaCE`,
      `${sip}.SERVER_ADDRESS=pbx.example`,
      `${sip}.SERVER_PORT=5061`,
      `${sip}.PROXY_ADDRESS=proxy.example`,
      `${sip}.PROXY_PORT=5070`,
      `${sip}.PROXY_AUTO_CONFIG=false`,
      `${sip}.AUTHORIZATION_NAME=auth1000`,
      `${sip}.PREFERRED_TRANSPORT=TCP`,
      `${sip}.DISPLAY_NAME=Gr\\u00fc\\u00dfe`,
      `${sip}.OUTBOUND_PREFIX=00`,
      `${sip}.JITSI_MEET_ROOM_HEADER_NAME=X-Room-Name`,
      `${sip}.JITSI_MEET_ROOM_PASS_HEADER_NAME=X-Pass`,
      `${jabber}.USER_ID=jigasi@auth.meet.example`,
      `${jabber}.SERVER_ADDRESS=xmpp.meet.example`,
      `${jabber}.BREWERY=JigasiBrewery@internal.auth.meet.example`,
      'org.jitsi.jigasi.LOCAL_REGION=eu',
      'org.jitsi.jigasi.JVB_INVITE_TIMEOUT=12500',
    ].join('\n'),
  );
  assert.partialDeepStrictEqual(config, {
    xmpp: { host: 'xmpp.meet.example', brewery: 'jigasibrewery@internal.auth.meet.example', region: 'eu' },
    sip: {
      accounts: [
        {
          user: '1000',
          domain: 'pbx.example',
          authUser: 'auth1000',
          password: 'hush!',
          displayName: 'Grüße',
          server: 'proxy.example',
          port: 5070,
          transport: 'tcp',
          profile: {
            rewriting: { prefix: '00' },
            roomHeaders: ['X-Room-Name'],
            passwordHeaders: ['X-Pass'],
          },
        },
      ],
    },
    call: { invitationSeconds: 13 },
  });
  assert.deepEqual(warnings, [`sip-communicator.properties: keys without meaning here: ${jabber}.USER_ID`]);
});

test('a proxy that is found automatically is not used', () => {
  const [account] = good(
    `${minimal}${sip}.SERVER_ADDRESS=pbx.example\n${sip}.PROXY_ADDRESS=old.example\n${sip}.PROXY_PORT=1\n${sip}.PROXY_AUTO_CONFIG=true`,
  ).config.sip.accounts;
  assert.partialDeepStrictEqual(account, { server: 'pbx.example', port: undefined });
});

test('only the first account counts', () => {
  const second = minimal.replaceAll('acc1', 'acc2').replace('1000@', '2000@');
  const { config, warnings } = good(`${minimal}${second}`);
  assert.equal(config.sip.accounts[0].user, '1000');
  assert.match(warnings.join(), /acc2\.USER_ID, .*acc2\.PASSWORD/);
});

test('a password in clear is pointed out without being shown', () => {
  const loaded = load(`${sip}.USER_ID=1000@pbx.example\n${sip}.PASSWORD=s3cret!`);
  assert.ok(loaded.kind === 'problems');
  assert.match(JSON.stringify(loaded.problems), /acc1\.PASSWORD.*not Base64/);
  assert.doesNotMatch(JSON.stringify(loaded), /s3cret/);
  assert.equal(load(`${sip}.USER_ID=1000@pbx.example\n${sip}.PASSWORD=gA==`).kind, 'problems', 'no UTF-8');
});

test('what the installer never filled in counts as not given', () => {
  const [account] = good(`${minimal}${sip}.SERVER_PORT=<<SIP_PORT>>`).config.sip.accounts;
  assert.equal(account.port, undefined);
});
