import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { quickTimes, startEngine, type TestEngine } from '../../kit/sip-engine.ts';
import { SipPeer, someSdp } from '../../kit/sip-peer.ts';

async function scene(context: TestContext): Promise<{ gateway: TestEngine; peer: SipPeer }> {
  const gateway = await startEngine({ times: quickTimes });
  const peer = await SipPeer.open();
  context.after(async () => {
    await gateway.stop();
    peer.close();
  });
  return { gateway, peer };
}

/** The engine still answers: what was sent before has been dealt with. */
async function alive(gateway: TestEngine, peer: SipPeer): Promise<void> {
  peer.send(peer.requestText('OPTIONS', { port: gateway.port, callId: 'alive' }), gateway.port);
  await peer.response(200, 'OPTIONS');
}

function count(gateway: TestEngine, name: string): number {
  return gateway.engine.counters()[name] ?? 0;
}

test('a response without CSeq is dropped and counted', async (context) => {
  const { gateway, peer } = await scene(context);
  const head = ['Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx', 'From: <sip:a@b>;tag=1', 'To: <sip:a@b>;tag=2'];
  for (const cseq of ['', 'CSeq: ', 'CSeq: x', 'CSeq: 1']) {
    const lines = ['SIP/2.0 200 OK', ...head, 'Call-ID: x', ...(cseq === '' ? [] : [cseq]), '', ''];
    peer.send(lines.join('\r\n'), gateway.port);
  }
  await alive(gateway, peer);
  assert.equal(count(gateway, 'dropped.bad-cseq'), 4);
});

test('an INVITE of 40 KB is dropped before it is parsed', async (context) => {
  const { gateway, peer } = await scene(context);
  const lines = [`Contact: ${'<sip:a@b>, '.repeat(4_000)}`];
  peer.send(peer.requestText('INVITE', { port: gateway.port, callId: 'big', lines }), gateway.port);
  await alive(gateway, peer);
  assert.equal(count(gateway, 'dropped.too-large'), 1);
});

test('random bytes, and messages with bytes changed at random, do no harm', async (context) => {
  const { gateway, peer } = await scene(context);
  const seed = Buffer.from(
    peer.requestText('INVITE', {
      port: gateway.port,
      callId: 'fuzz',
      body: someSdp,
      lines: ['Record-Route: <sip:p;lr>'],
    }),
  );
  for (let round = 0; round < 20; round += 1) {
    for (let index = 0; index < 50; index += 1) {
      const bytes = Buffer.from(seed);
      for (let change = 0; change <= index % 5; change += 1) {
        const [place = 0, value = 0] = [randomBytes(2).readUInt16BE() % bytes.length, randomBytes(1)[0]];
        bytes[place] = value;
      }
      peer.send(index % 10 === 0 ? randomBytes(1 + round * 40) : bytes, gateway.port);
    }
    await alive(gateway, peer);
  }
  assert.equal(count(gateway, 'dropped.exception'), 0);
});

const refused: [string, (text: string) => string, number][] = [
  ['another SIP version', (text) => text.replace(' SIP/2.0\r\n', ' SIP/7.0\r\n'), 505],
  ['CSeq of another method', (text) => text.replace('1 INVITE', '1 BYE'), 400],
  ['a CSeq above 2^31', (text) => text.replace('1 INVITE', '2147483648 INVITE'), 400],
  [
    'Content-Length beyond the datagram',
    (text) => text.replace(/Content-Length: \d+/, 'Content-Length: 9999'),
    400,
  ],
  ['a negative Content-Length', (text) => text.replace(/Content-Length: \d+/, 'Content-Length: -1'), 400],
  ['two From headers', (text) => text.replace('From:', 'From: <sip:x@y>;tag=z\r\nFrom:'), 400],
  ['a space in the Request-URI', (text) => text.replace('sip:room@', 'sip:ro om@'), 400],
  ['an unknown URI scheme', (text) => text.replace(/^INVITE \S+/, 'INVITE nobodyKnows:x'), 416],
  ['sips, for which there is no transport', (text) => text.replace(/^INVITE sip:/, 'INVITE sips:'), 416],
  ['a required extension', (text) => text.replace('Max-', 'Require: 100rel, nothingSIP\r\nMax-'), 420],
  ['a body that is no SDP', (text) => text.replace('application/sdp', 'application/unknown'), 415],
  ['an unknown method', (text) => text.replaceAll('INVITE', 'DANCE'), 501],
  ['a known method that is not served', (text) => text.replaceAll('INVITE', 'REGISTER'), 405],
];

for (const [what, change, status] of refused) {
  test(`a request with ${what} gets ${status}`, async (context) => {
    const { gateway, peer } = await scene(context);
    const text = peer.requestText('INVITE', { port: gateway.port, callId: 'wrong', body: someSdp });
    peer.send(change(text), gateway.port);
    const answer = await peer.response(status);
    assert.match(answer.header('Via') ?? '', new RegExp(`rport=${peer.port};received=127\\.0\\.0\\.1$`));
    if (status === 420) assert.equal(answer.header('Unsupported'), 'nothingSIP');
    if (status === 405 || status === 501)
      assert.match(answer.header('Allow') ?? '', /^INVITE, ACK, CANCEL, BYE/);
    assert.deepEqual(gateway.engine.occupancy(), { calls: 0, dialogs: 0, transactions: 0 });
  });
}

test('what belongs into a dialog gets 481 without one', async (context) => {
  const { gateway, peer } = await scene(context);
  for (const method of ['BYE', 'INFO', 'PRACK', 'UPDATE']) {
    for (const dialog of [{}, { toTag: 'none' }]) {
      const lines = method === 'PRACK' ? ['RAck: 1 1 INVITE'] : [];
      peer.send(
        peer.requestText(method, { port: gateway.port, callId: method, lines, ...dialog }),
        gateway.port,
      );
      await peer.response(481, method);
    }
  }
  assert.equal(count(gateway, 'dropped.exception'), 0);
});

test('every number is served, also as tel: URI', async (context) => {
  const { gateway, peer } = await scene(context);
  for (const uri of [
    'sip:+4930123;phone-context=x@127.0.0.1',
    'sip:%zz@127.0.0.1',
    'sip:127.0.0.1',
    'tel:+4930123',
  ]) {
    peer.send(
      peer.requestText('INVITE', { port: gateway.port, callId: uri, uri, body: someSdp }),
      gateway.port,
    );
    const call = await gateway.nextCall();
    call.ring();
    await peer.response(180);
  }
});

test('a caller without Contact whose From is no SIP URI is served all the same', async (context) => {
  const { gateway, peer } = await scene(context);
  const text = peer.requestText('INVITE', { port: gateway.port, callId: 'odd', body: someSdp });
  const odd = text.replace(/From: .*;tag/, 'From: <http://a/?b@c>;tag').replace(/Contact: .*\r\n/, '');
  peer.send(odd, gateway.port);
  (await gateway.nextCall()).ring();
  const ringing = await peer.response(180);
  assert.match(ringing.header('From') ?? '', /^<http:/);
});

test('a source that floods is cut, others are not', async (context) => {
  const peer = await SipPeer.open();
  const gateway = await startEngine({ times: quickTimes, rate: { perSecond: 1, burst: 10 } });
  context.after(async () => {
    await gateway.stop();
    peer.close();
  });
  for (let index = 0; index < 30; index += 1) {
    peer.send(peer.requestText('OPTIONS', { port: gateway.port, callId: `f${index}` }), gateway.port);
  }
  while (count(gateway, 'dropped.rate') < 20) await new Promise(setImmediate);
  assert.equal(peer.received.length <= 10, true);
});

async function tcp(context: TestContext, port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  context.after(() => socket.destroy());
  return socket;
}

test('TCP: messages in pieces and several at once, keep-alive, and the answer on the same connection', async (context) => {
  const { gateway, peer } = await scene(context);
  const socket = await tcp(context, gateway.port);
  let heard = '';
  socket.on('data', (chunk) => {
    heard += chunk;
  });
  const heardUntil = async (text: RegExp): Promise<void> => {
    while (!text.test(heard)) await once(socket, 'data');
  };
  const one = peer.requestText('OPTIONS', { port: gateway.port, callId: 'tcp1' }).replace('/UDP', '/TCP');
  const two = peer.requestText('INVITE', { port: gateway.port, callId: 'tcp2', body: `${someSdp}a=ü\r\n` });
  socket.write(one.slice(0, 40));
  await new Promise(setImmediate);
  socket.write(`${one.slice(40)}${two.replace('/UDP', '/TCP')}\r\n\r\n`);
  await heardUntil(/tcp1/);
  const call = await gateway.nextCall();
  assert.equal(call.offer, `${someSdp}a=ü\r\n`);
  assert.equal(call.localAddress, '127.0.0.1');
  call.ring();
  await heardUntil(/SIP\/2\.0 180[\s\S]*Contact: <sip:room@127\.0\.0\.1:\d+;transport=tcp>/);
  await heardUntil(/\r\n\r\n\r\n/);
  call.end({ code: 'no-room' });
  await heardUntil(/SIP\/2\.0 404/);
  assert.equal(count(gateway, 'retransmitted.response'), 0);
});

test('TCP: a message that is too large or has no length ends its connection only', async (context) => {
  const { gateway, peer } = await scene(context);
  for (const [text, reason] of [
    [`OPTIONS sip:a SIP/2.0\r\nX: ${'x'.repeat(20_000)}`, 'dropped.too-large'],
    ['OPTIONS sip:a SIP/2.0\r\nContent-Length: 999999\r\n\r\n', 'dropped.too-large'],
    ['OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP a\r\n\r\n', 'dropped.no-content-length'],
  ] as const) {
    const before = count(gateway, reason);
    const socket = await tcp(context, gateway.port);
    socket.write(text);
    await once(socket, 'close');
    assert.equal(count(gateway, reason), before + 1);
  }
  await alive(gateway, peer);
});
