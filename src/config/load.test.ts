import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultAdmission } from './admission.ts';
import { bad, enough, good, load, type Place } from './load.fixture.ts';

test('five variables are enough; the rest are the documented defaults', () => {
  const { config, warnings } = good({});
  assert.deepEqual(warnings, []);
  assert.deepEqual(config, {
    xmpp: {
      domain: 'meet.example',
      componentDomain: 'callcontrol.meet.example',
      secret: 'hush',
      host: '127.0.0.1',
      port: 5347,
      mucDomain: 'conference.meet.example',
      focusJid: 'focus.meet.example',
      brewery: undefined,
      region: undefined,
    },
    sip: {
      listen: {
        address: '0.0.0.0',
        port: 5060,
        address6: undefined,
        tlsPort: 5061,
        transports: ['udp', 'tcp'],
      },
      tls: {
        certificateFile: undefined,
        keyFile: undefined,
        caFile: undefined,
        verify: true,
        verifyClients: false,
        minVersion: 'TLSv1.2',
      },
      publicAddress: undefined,
      mediaAddress: undefined,
      localNetworks: [],
      pingSeconds: 30,
      accounts: [
        {
          name: 'default',
          user: '1000',
          domain: 'pbx.example',
          authUser: '1000',
          password: 'hush',
          displayName: undefined,
          anonymous: false,
          server: 'pbx.example',
          port: undefined,
          backupServers: [],
          transport: 'udp',
          register: true,
          expiresSeconds: 600,
          checkSeconds: 25,
          sessionSeconds: 1800,
          allowedSources: [],
          callers: undefined,
          profile: {
            defaultRoom: undefined,
            roomHeaders: ['Jitsi-Conference-Room', 'X-Room-Name'],
            passwordHeaders: ['Jitsi-Conference-Room-Pass', 'X-Room-Pass'],
            forwardedHeaders: ['x-outbound-call-initiator-*'],
            rewriting: { strip: 0, changes: [], prefix: '' },
            limits: { incoming: undefined, outgoing: undefined, outgoingPerSecond: undefined },
            noAnswerSeconds: 60,
            codecs: ['opus', 'G722', 'PCMU', 'PCMA'],
            codecOrder: 'theirs',
            dtmf: 'auto',
            detectTones: false,
            holdMusic: 'off',
            earlyMedia: false,
            srtp: 'off',
            transfer: 'own-domain',
          },
        },
      ],
      routes: [],
      admission: { ...defaultAdmission, open: true },
      engine: 'embedded',
    },
    media: {
      minPort: 10_000,
      maxPort: 20_000,
      address: '0.0.0.0',
      publicAddress: undefined,
      stunServer: undefined,
      systemLibraries: true,
      workers: 3,
    },
    call: {
      roomLostSeconds: 30,
      invitationSeconds: 30,
      aloneAnswerMs: 2000,
      maxCalls: 100,
      soundsDirectory: undefined,
      language: 'en',
    },
    log: { level: 'info', format: 'auto' },
  });
});

test('nobody can change the configuration later', () => {
  const { config } = good({});
  assert.throws(() => Object.assign(config.sip.accounts[0], { password: 'other' }), TypeError);
  assert.throws(() => Object.assign(config.sip.accounts[0].profile.codecs, ['PCMU']), TypeError);
});

test('the places count in the documented order', () => {
  const yaml = 'xmpp:\n  port: 4\nmedia:\n  minPort: 4000\n';
  const file = { 'jigasi.yaml': yaml, '.env': 'XMPP_PORT=3' };
  const port = (place: Place) => good(place).config.xmpp.port;
  const env = { ...enough, XMPP_PORT: '2' };
  assert.equal(port({ argv: ['--port=1'], env, files: file }), 1);
  assert.equal(port({ env, files: file }), 2);
  assert.equal(port({ files: file }), 3);
  assert.equal(port({ files: { 'jigasi.yaml': yaml } }), 4);
  assert.equal(good({ files: file }).config.media.minPort, 4000);
});

test('YAML counts more than the old properties in the same folder', () => {
  const files = {
    'etc/jigasi.yaml': 'sip:\n  defaultRoom: new\n',
    'etc/sip-communicator.properties':
      'org.jitsi.jigasi.DEFAULT_JVB_ROOM_NAME=old\norg.jitsi.jigasi.LOCAL_REGION=eu\n',
  };
  const { config } = good({ argv: ['--configdir', '/work/etc'], files });
  assert.equal(config.sip.accounts[0].profile.defaultRoom, 'new');
  assert.equal(config.xmpp.region, 'eu');
  assert.equal(good({ argv: ['--configdir=/work', '--configdirname=etc'], files }).config.xmpp.region, 'eu');
});

test('a named file is read instead of the one in the working directory', () => {
  const files = {
    'jigasi.yaml': 'xmpp:\n  region: here\n',
    'other.yaml': 'xmpp:\n  region: there\n',
    'empty.yaml': '',
  };
  const region = (place: Place) => good({ files, ...place }).config.xmpp.region;
  assert.equal(region({}), 'here');
  assert.equal(region({ argv: ['--config', 'other.yaml'] }), 'there');
  assert.equal(region({ argv: ['--config', 'empty.yaml'] }), undefined);
  assert.equal(region({ env: { ...enough, JIGASI_CONFIG: 'other.yaml' } }), 'there');
});

test('a trunk without registration needs no password; the domain alone names the server', () => {
  const env = { ...enough, JIGASI_SIP_PASSWORD: '', JIGASI_SIP_SERVER: '', JIGASI_SIP_REGISTER: 'no' };
  const [account] = good({ env: { ...env, JIGASI_SIP_URI: 'sip:gw@trunk.example' } }).config.sip.accounts;
  assert.partialDeepStrictEqual(account, {
    user: 'gw',
    server: 'trunk.example',
    register: false,
    password: undefined,
  });
});

test('a PBX on this machine is fine when the ports or addresses differ', () => {
  const local = { ...enough, JIGASI_SIP_SERVER: '127.0.0.1' };
  good({ env: { ...local, JIGASI_SIP_LISTEN_PORT: '5070' } });
  good({ env: { ...local, JIGASI_SIP_PORT: '5080' } });
  good({ env: { ...local, JIGASI_SIP_LISTEN_ADDRESS: '127.0.0.2' } });
});

test('the brewery is a bare name on the internal MUC domain, or a JID', () => {
  const brewery = (env: Record<string, string>) => good({ env: { ...enough, ...env } }).config.xmpp.brewery;
  assert.equal(brewery({ JIGASI_BREWERY_MUC: 'JigasiBrewery' }), 'jigasibrewery@internal.auth.meet.example');
  const docker = { JIGASI_BREWERY_MUC: 'jigasibrewery', XMPP_INTERNAL_MUC_DOMAIN: 'internal-muc.meet.jitsi' };
  assert.equal(brewery(docker), 'jigasibrewery@internal-muc.meet.jitsi');
  assert.equal(brewery({ JIGASI_BREWERY_MUC: 'brew@muc.example' }), 'brew@muc.example');
});

test('a secret on the command line works, with a warning', () => {
  const { config, warnings } = good({ argv: ['--secret=-s3cret'] });
  assert.equal(config.xmpp.secret, '-s3cret');
  assert.match(warnings.join(), /can be read by other users/);
});

test('flags of old start scripts are ignored with a warning', () => {
  const argv = ['--logdir', '/var/log/jitsi', '--configwritable=false', '--nocomponent=false'];
  const { warnings } = good({ argv });
  assert.match(warnings.join('\n'), /--logdir is an option of the old Jigasi.*\n--configwritable/);
});

test('help and version answer before anything is checked', () => {
  const help = load({ argv: ['--help', '--prot'], env: {} });
  assert.ok(help.kind === 'text');
  for (const flag of [
    'domain',
    'subdomain',
    'secret',
    'host',
    'port',
    'min-port',
    'max-port',
    'config',
    'configdir',
    'log-level',
    'log-format',
    'version',
    'help',
  ]) {
    assert.ok(help.text.includes(`--${flag} `), flag);
  }
  assert.partialDeepStrictEqual(load({ argv: ['--version'], env: {} }), { kind: 'text' });
});

test('the engine drachtio is chosen in any place, needs a secret, and does not care for our SIP port', () => {
  const env = { ...enough, JIGASI_DRACHTIO_SECRET: 'cymru', JIGASI_SIP_SERVER: '127.0.0.1' };
  const { config, warnings } = good({ argv: ['--sip-engine', 'drachtio'], env });
  assert.deepEqual(warnings, []);
  assert.equal(config.sip.engine, 'drachtio');
  assert.deepEqual(config.sip.drachtio, {
    mode: 'inbound',
    servers: [{ host: '127.0.0.1', port: 9022 }],
    listen: { address: '0.0.0.0', port: 3000 },
    secret: 'cymru',
    tags: [],
    keepRegistration: true,
  });
  const yaml = [
    'sip: { engine: drachtio }',
    'drachtio: { host: [sbc1.example, sbc2.example], mode: outbound, listenPort: 3001, tags: [eu], secret: cymru }',
  ].join('\n');
  const fromFile = good({ files: { 'jigasi.yaml': yaml } }).config.sip.drachtio;
  assert.deepEqual(fromFile?.servers, [
    { host: 'sbc1.example', port: 9022 },
    { host: 'sbc2.example', port: 9022 },
  ]);
  assert.deepEqual([fromFile?.mode, fromFile?.listen.port, fromFile?.tags], ['outbound', 3001, ['eu']]);
  const problems = bad({ env: { ...enough, JIGASI_SIP_ENGINE: 'drachtio' } });
  assert.match(JSON.stringify(problems), /JIGASI_DRACHTIO_SECRET/);
});

test('a name without a value, in YAML or in the environment, counts as not given', () => {
  const { config } = good({
    env: { ...enough, XMPP_PORT: '' },
    files: { 'jigasi.yaml': 'xmpp:\n  port:\nsip:\n' },
  });
  assert.equal(config.xmpp.port, 5347);
});
