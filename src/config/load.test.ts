import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LoadInput, loadConfig } from './load.ts';
import { describeProblems } from './problem.ts';

const enough = {
  XMPP_DOMAIN: 'meet.example',
  JIGASI_COMPONENT_SECRET: 'hush',
  JIGASI_SIP_URI: '1000@pbx.example',
  JIGASI_SIP_PASSWORD: 'hush',
  JIGASI_SIP_SERVER: 'pbx.example',
};

interface Place {
  readonly argv?: readonly string[];
  readonly env?: Record<string, string>;
  readonly files?: Record<string, string>;
}

function load({ argv = [], env = enough, files = {} }: Place) {
  const readFile: NonNullable<LoadInput['readFile']> = (path) => {
    const text = files[path.replace('/work/', '')];
    if (text === undefined) throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
    return text;
  };
  return loadConfig({ argv, env, cwd: '/work', readFile, cores: 4 });
}

function good(place: Place) {
  const loaded = load(place);
  if (loaded.kind === 'problems') assert.fail(describeProblems(loaded.problems));
  assert.ok(loaded.kind === 'config');
  return loaded;
}

function bad(place: Place) {
  const loaded = load(place);
  assert.ok(loaded.kind === 'problems', 'it was taken for good');
  return loaded.problems;
}

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
      listen: { address: '0.0.0.0', port: 5060, transports: ['udp', 'tcp'] },
      publicAddress: undefined,
      account: {
        user: '1000',
        domain: 'pbx.example',
        authUser: '1000',
        password: 'hush',
        displayName: undefined,
        server: 'pbx.example',
        port: 5060,
        transport: 'udp',
        register: true,
        expiresSeconds: 600,
      },
      defaultRoom: undefined,
      roomHeaders: ['Jitsi-Conference-Room', 'X-Room-Name'],
      passwordHeaders: ['Jitsi-Conference-Room-Pass', 'X-Room-Pass'],
      forwardedHeaders: ['x-outbound-call-initiator-*'],
      outboundPrefix: '',
      noAnswerSeconds: 60,
      codecs: ['opus', 'G722', 'PCMU', 'PCMA'],
      codecOrder: 'theirs',
    },
    media: {
      minPort: 10_000,
      maxPort: 20_000,
      address: '0.0.0.0',
      publicAddress: undefined,
      stunServer: undefined,
      workers: 3,
    },
    call: { roomLostSeconds: 30, invitationSeconds: 30, aloneAnswerMs: 2000, maxCalls: 100 },
    log: { level: 'info', format: 'auto' },
  });
});

test('nobody can change the configuration later', () => {
  const { config } = good({});
  assert.throws(() => Object.assign(config.sip.account, { password: 'other' }), TypeError);
  assert.throws(() => Object.assign(config.sip.codecs, ['PCMU']), TypeError);
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
  assert.equal(config.sip.defaultRoom, 'new');
  assert.equal(config.xmpp.region, 'eu');
  assert.equal(good({ argv: ['--configdir=/work', '--configdirname=etc'], files }).config.xmpp.region, 'eu');
});

test('a named file is read instead of the one in the working directory', () => {
  const files = { 'jigasi.yaml': 'xmpp:\n  region: here\n', 'other.yaml': 'xmpp:\n  region: there\n' };
  const region = (place: Place) => good({ files, ...place }).config.xmpp.region;
  assert.equal(region({}), 'here');
  assert.equal(region({ argv: ['--config', 'other.yaml'] }), 'there');
  assert.equal(region({ env: { ...enough, JIGASI_CONFIG: 'other.yaml' } }), 'there');
});

test('without anything the message shows what to set, the three variables of the account among it', () => {
  const message = describeProblems(bad({ env: {} }));
  for (const name of [
    '--domain',
    'JIGASI_COMPONENT_SECRET',
    'JIGASI_SIP_URI',
    'JIGASI_SIP_PASSWORD',
    'JIGASI_SIP_SERVER',
  ]) {
    assert.ok(message.includes(name), name);
  }
});

test('every problem is told at once, with its place', () => {
  const problems = bad({
    argv: ['--min-port', '30000', '--prot=5347', '--subdomain=a b'],
    env: { ...enough, JIGASI_SIP_PORT: '70000', JIGASI_SIP_TRANSPORT: 'TLS' },
    files: {
      'jigasi.yaml': 'sip:\n  pasword: x\n  codecs: [GSM]\ncalls: {}\n',
      '.env': 'JIGASI_LOG_LEVEL=loud',
    },
  });
  const places = problems.map(({ from }) => from).sort();
  assert.deepEqual(places, [
    '.env JIGASI_LOG_LEVEL',
    'command line',
    'command line --min-port',
    'command line --subdomain',
    'environment JIGASI_SIP_PORT',
    'environment JIGASI_SIP_TRANSPORT',
    'jigasi.yaml calls',
    'jigasi.yaml sip.codecs',
    'jigasi.yaml sip.pasword',
  ]);
  const message = describeProblems(problems);
  assert.match(message, /9 problems/);
  for (const advice of [
    /mean --port\?/,
    /mean password\?/,
    /mean call\?/,
    /1 to 65535/,
    /TLS is not supported/,
  ]) {
    assert.match(message, advice);
  }
});

test('what does not fit together is refused', async (t) => {
  const cases: Record<string, [Place, RegExp]> = {
    'first port above the last': [{ argv: ['--min-port=20', '--max-port=10'] }, /first port \(20\) is above/],
    'a range too small for one call': [{ argv: ['--min-port=10000', '--max-port=10002'] }, /three ports/],
    'a default room on another domain': [
      { env: { ...enough, JIGASI_SIP_DEFAULT_ROOM: 'lobby@muc.elsewhere.example' } },
      /XMPP_MUC_DOMAIN/,
    ],
    'a room with a space': [{ env: { ...enough, JIGASI_SIP_DEFAULT_ROOM: 'my room' } }, /room JID such as/],
    'a PBX on the same port of the same machine': [
      { env: { ...enough, JIGASI_SIP_SERVER: '127.0.0.1' } },
      /JIGASI_SIP_LISTEN_PORT/,
    ],
    'an account on a transport that is not listened on': [
      { env: { ...enough, JIGASI_SIP_LISTEN_TRANSPORTS: 'tcp' } },
      /JIGASI_SIP_LISTEN_TRANSPORTS/,
    ],
    'a registration without password': [
      { env: { ...enough, JIGASI_SIP_PASSWORD: '' } },
      /JIGASI_SIP_REGISTER=false/,
    ],
    'an account without server': [
      { env: { ...enough, JIGASI_SIP_URI: '1000', JIGASI_SIP_SERVER: '' } },
      /JIGASI_SIP_SERVER=pbx/,
    ],
    'a codec twice': [{ env: { ...enough, JIGASI_SIP_CODECS: 'PCMU,pcmu' } }, /at most once/],
    'a mistyped address': [{ argv: ['--host=192.168.1.300'] }, /host name or an IP address/],
    'a line feed in a header name': [
      { env: { ...enough, JIGASI_SIP_ROOM_HEADERS: 'X-A\r\nVia' } },
      /names of SIP headers/,
    ],
    'a SIP address with parameters': [
      { env: { ...enough, JIGASI_SIP_URI: 'sip:1000@pbx.example;transport=tcp' } },
      /no parameters/,
    ],
    'component mode off': [{ argv: ['--nocomponent=true'] }, /always an XMPP component/],
    'an option without its value': [
      { argv: ['--port', '--domain', 'meet.example'] },
      /--port: the value is missing/,
    ],
    'a word too many': [{ argv: ['--port', '5347', 'start'] }, /belongs to no option/],
    'a file that is not there': [{ argv: ['--config=nothing.yaml'] }, /nothing.yaml: there is no such file/],
    'a folder without configuration': [{ argv: ['--configdir=/nothing'] }, /neither jigasi.yaml nor/],
    'YAML with a mistake': [{ files: { 'jigasi.yaml': 'xmpp:\n  port: [\n' } }, /jigasi.yaml: .* at line 3/],
    'a name in the wrong section': [
      { files: { 'jigasi.yaml': 'sip:\n  minPort: 1\n' } },
      /another section: media.minPort/,
    ],
    'a section that is none': [
      { files: { 'jigasi.yaml': 'xmpp: meet.example\n' } },
      /section with names below/,
    ],
    'a number where quotes are needed': [
      {
        env: { ...enough, JIGASI_SIP_OUTBOUND_PREFIX: '' },
        files: { 'jigasi.yaml': 'sip:\n  outboundPrefix: 00\n' },
      },
      /in quotes/,
    ],
  };
  for (const [name, [place, expected]] of Object.entries(cases)) {
    await t.test(name, () => assert.match(describeProblems(bad(place)), expected));
  }
});

test('a trunk without registration needs no password; the domain alone names the server', () => {
  const env = { ...enough, JIGASI_SIP_PASSWORD: '', JIGASI_SIP_SERVER: '', JIGASI_SIP_REGISTER: 'no' };
  const { account } = good({ env: { ...env, JIGASI_SIP_URI: 'sip:gw@trunk.example' } }).config.sip;
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
  assert.equal(quoted.config.sip.account.password, 'ab#cd');
  assert.deepEqual(dotenv('JIGASI_SIP_PASSWORD=abcd # a comment').warnings, []);
});

test('secrets come from files too, without the line end', () => {
  const { JIGASI_SIP_PASSWORD: _, ...env } = enough;
  const files = { '/run/secret': 'from file\n', 'jigasi.yaml': 'sip:\n  passwordFile: /run/secret\n' };
  const password = (place: Place) => good({ files, ...place }).config.sip.account.password;
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

test('no message and no warning holds a secret', () => {
  const files = {
    'jigasi.yaml': 'sip:\n  password: [hush-1]\n  pasword: hush-2\nxmpp:\n  secret: "hush-3\n',
    'a.properties':
      'net.java.sip.communicator.impl.protocol.sip.acc1.USER_ID=a@b\nnet.java.sip.communicator.impl.protocol.sip.acc1.PASSWORD=!hush-4\n',
  };
  const env = { ...enough, JIGASI_SIP_PASSWORD: 'hush-5\u0007', JIGASI_COMPONENT_SECRET: '\u0000hush-6' };
  const places: Place[] = [
    { env, files, argv: ['--secrt=hush-7', '--secret'] },
    { env, files, argv: ['--secrt', 'hush-8', '--config=a.properties'] },
    { env: {}, files },
  ];
  for (const place of places) {
    const loaded = load(place);
    assert.doesNotMatch(JSON.stringify(loaded), /hush/);
  }
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
