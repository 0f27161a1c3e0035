import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bad, enough, load, type Place } from './load.fixture.ts';
import { describeProblems } from './problem.ts';

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
    env: { ...enough, JIGASI_SIP_PORT: '70000', JIGASI_SIP_TRANSPORT: 'SCTP' },
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
    /one of udp, tcp, tls/,
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
    'a PBX on the very address that we listen on': [
      { env: { ...enough, JIGASI_SIP_SERVER: '127.0.0.2', JIGASI_SIP_LISTEN_ADDRESS: '127.0.0.2' } },
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

test('the value after a mistyped option is no problem of its own', () => {
  assert.equal(bad({ argv: ['--prot', '5347'] }).length, 1);
});
