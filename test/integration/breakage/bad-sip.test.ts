import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { Constellation } from '../../kit/constellation.ts';
import { compose, sdp, token } from '../../kit/raw-sip.ts';
import { finish, startTalk, type Talk } from './talk.ts';

/** Another host than the phone, so that it is not the phone's share of messages that is used up. */
const elsewhere = '127.0.0.2';
const stranger = createSocket('udp4');
let stage: Constellation;
let talk: Talk;

before(async () => {
  stranger.bind(0, elsewhere);
  await once(stranger, 'listening');
  // The flood below is let in up to here: what a hundred calls cost is the bench's question.
  stage = await Constellation.start({ env: { JIGASI_MAX_CALLS: '20' } });
  talk = await startTalk(stage, 'steady');
});
after(async () => {
  stranger.close();
  await finish(stage);
});

function send(data: string | Buffer): void {
  stranger.send(data, stage.gateway.sipPort, stage.gateway.host);
}

type Header = readonly [string, string];

function invite(more: readonly Header[] = [], body = sdp(9, 'sendrecv', 1)): string {
  const { port } = stranger.address();
  const headers: Header[] = [
    ['Via', `SIP/2.0/UDP ${elsewhere}:${port};branch=z9hG4bK${token()}`],
    ['Max-Forwards', '70'],
    ['From', `<sip:mallory@${elsewhere}>;tag=${token()}`],
    ['To', `<sip:room@${stage.gateway.host}>`],
    ['Call-ID', token()],
    ['CSeq', '1 INVITE'],
    ['Content-Type', 'application/sdp'],
    ['Contact', `<sip:mallory@${elsewhere}:${port}>`],
    ...more,
  ];
  return compose(`INVITE sip:room@${stage.gateway.host} SIP/2.0`, headers, body);
}

const response = (lines: readonly string[]) => ['SIP/2.0 200 OK', ...lines, '', ''].join('\r\n');
const via = `Via: SIP/2.0/UDP ${elsewhere};branch=z9hG4bKx`;
const head = [via, 'From: <sip:a@b>;tag=1', 'To: <sip:a@b>;tag=2', 'Call-ID: x'];

const datagrams: readonly (readonly [string, () => (string | Buffer)[]])[] = [
  [
    'a response without CSeq',
    () => [response(head), response([...head, 'CSeq: ']), response([...head, 'CSeq: x'])],
  ],
  ['a response to nothing', () => [response([...head, 'CSeq: 1 INVITE']), response([via])]],
  ['an INVITE of 40 KB', () => [invite([], 'x'.repeat(40_000)), invite([['X-Long', 'x'.repeat(40_000)]])]],
  ['4,000 Contact headers', () => [invite(Array.from({ length: 4000 }, () => ['m', '<sip:a@b>'] as const))]],
  [
    '400 Record-Route headers',
    () => [invite(Array.from({ length: 400 }, () => ['Record-Route', '<sip:a>'] as const))],
  ],
  ['random bytes', () => Array.from({ length: 40 }, (_, n) => randomBytes(1 + n * 37))],
  ['nothing, and line ends', () => ['', '\r\n', '\r\n\r\n\r\n\r\n', '\0'.repeat(100)]],
  [
    'truncated INVITEs',
    () => Array.from({ length: 40 }, (_, n) => invite().slice(0, Math.round((invite().length * n) / 40))),
  ],
  [
    'an SDP that lies',
    () => [invite([], 'v=0\r\nm=audio 0\r\n'), invite([], `v=0\r\n${'a='.repeat(3000)}\r\n`)],
  ],
  [
    'a folded, empty and doubled header',
    () => [invite([['X', 'a\r\n b']]), invite([['', '']]), invite([['Call-ID', 'again']])],
  ],
];

for (const [what, make] of datagrams) {
  test(`${what}: the call goes on, and the engine answers`, async () => {
    const datagrams = make();
    for (const datagram of datagrams) send(datagram);
    assert.equal(await options(), 200);
    await talk.phoneHears();
  });
}

test('a TCP connection with rubbish, one with half a message, and one that says nothing', async () => {
  const { host, sipPort } = stage.gateway;
  const rubbish = connect(sipPort, host);
  rubbish.on('error', () => {});
  rubbish.write(randomBytes(100_000));
  const closed = new Promise((resolve) => rubbish.on('close', resolve));
  const half = connect(sipPort, host);
  half.write(invite().slice(0, 200));
  const silent = connect(sipPort, host);
  await closed;
  assert.equal(await options(), 200);
  half.destroy();
  silent.destroy();
});

test('a flood of INVITEs from one host costs a running call nothing', async () => {
  for (let n = 0; n < 2000; n += 1) {
    send(invite([['Jitsi-Conference-Room', `flood${n}`]]));
    if (n % 100 === 0) await talk.call.audio.recording.more(1);
  }
  await talk.goesOn();
});

test('through all of that neither side lost a packet or heard a pause', async () => {
  await talk.phoneLostNothing();
  await talk.roomLostNothing();
});

/** Status of an OPTIONS that the phone sends. */
async function options(): Promise<number> {
  const { startLine } = await stage.phone.request(
    'OPTIONS',
    `sip:${stage.gateway.host}:${stage.gateway.sipPort}`,
  );
  return Number(startLine.split(' ')[1]);
}
