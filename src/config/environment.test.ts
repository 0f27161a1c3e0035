import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bad, enough, good, type Place } from './load.fixture.ts';
import { describeProblems } from './problem.ts';

test('an .env of docker-jitsi-meet starts, and says what it does not use', () => {
  const files = {
    '.env': [
      'XMPP_DOMAIN=meet.jitsi',
      'XMPP_SERVER=xmpp.meet.jitsi',
      'XMPP_PORT=5222',
      'XMPP_MUC_DOMAIN=muc.meet.jitsi',
      'JIGASI_SIP_URI=test@sip2sip.info',
      'JIGASI_SIP_PASSWORD=passw0rd',
      'JIGASI_SIP_SERVER=sip2sip.info',
      'JIGASI_SIP_PORT=5060',
      'JIGASI_SIP_TRANSPORT=UDP',
      'JIGASI_XMPP_PASSWORD=hush',
      'JIGASI_MODE=sip',
      'JIGASI_PORT_MIN=20000',
      'JIGASI_PORT_MAX=20050',
      'JIGASI_JVB_TIMEOUT=45000',
      'JIGASI_SIP_PASWORD=typo',
      'JIGASI_MAX_CALLS=50',
    ].join('\n'),
  };
  const { config, warnings } = good({ env: { JIGASI_COMPONENT_SECRET: 'hush' }, files });
  assert.partialDeepStrictEqual(config, {
    xmpp: { host: 'xmpp.meet.jitsi', port: 5347, mucDomain: 'muc.meet.jitsi' },
    media: { minPort: 20_000, maxPort: 20_050 },
    call: { invitationSeconds: 45 },
  });
  const text = warnings.join('\n');
  assert.match(text, /XMPP_PORT is 5222/);
  assert.match(text, /without meaning here: JIGASI_XMPP_PASSWORD, JIGASI_MODE/);
  assert.match(text, /JIGASI_SIP_PASWORD is unknown; did you mean JIGASI_SIP_PASSWORD/);
  assert.match(text, /enough for 17 calls, not for 50/);
});

test('a # that cuts a value in .env is pointed out', () => {
  const dotenv = (line: string) =>
    good({ env: { ...enough, JIGASI_SIP_PASSWORD: '' }, files: { '.env': line } });
  assert.match(dotenv('JIGASI_SIP_PASSWORD=ab#cd').warnings.join(), /everything from the # on is a comment/);
  const quoted = dotenv('JIGASI_SIP_PASSWORD="ab#cd"');
  assert.deepEqual(quoted.warnings, []);
  assert.equal(quoted.config.sip.accounts[0].password, 'ab#cd');
  assert.deepEqual(dotenv('JIGASI_SIP_PASSWORD=abcd # a comment').warnings, []);
});

test('secrets come from files too, without the line end', () => {
  const { JIGASI_SIP_PASSWORD: _, ...env } = enough;
  const files = { '/run/secret': 'from file\n', 'jigasi.yaml': 'sip:\n  passwordFile: /run/secret\n' };
  const password = (place: Place) => good({ files, ...place }).config.sip.accounts[0].password;
  assert.equal(
    password({ env: { ...env, JIGASI_SIP_PASSWORD_FILE: '/run/secret' }, files: { '/run/secret': 'x\n' } }),
    'x',
  );
  assert.equal(password({ env }), 'from file');
  assert.match(
    describeProblems(bad({ env: { ...enough, JIGASI_SIP_PASSWORD_FILE: '/run/secret' }, files })),
    /both the variable and its _FILE are set/,
  );
  assert.match(
    describeProblems(bad({ env: { ...env, JIGASI_SIP_PASSWORD_FILE: '/none' } })),
    /JIGASI_SIP_PASSWORD_FILE: \/none: there is no such file/,
  );
});

test('of two names for one setting our own counts', () => {
  const env = { ...enough, XMPP_PORT: '1', JIGASI_COMPONENT_PORT: '2' };
  assert.equal(good({ env }).config.xmpp.port, 2);
});
