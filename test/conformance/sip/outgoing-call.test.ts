import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { TestContext } from 'node:test';
import type { SipCall } from '../../../src/sip/engine.ts';
import { ended, quickTimes } from '../../kit/sip-engine.ts';
import { type AnyEngine, type EngineKind, onEachEngine, startEngineOf } from '../../kit/sip-engines.ts';
import { type RawMessage, readRaw, SipPeer, someSdp, tagOf } from '../../kit/sip-peer.ts';

interface Scene {
  readonly gateway: AnyEngine;
  readonly peer: SipPeer;
  dial(options?: { noAnswerSeconds?: number; sdp?: string }): SipCall;
}

async function scene(context: TestContext, kind: EngineKind): Promise<Scene> {
  const peer = await SipPeer.open();
  const gateway = await startEngineOf(kind, { times: quickTimes, account: { port: peer.port } });
  context.after(async () => {
    await gateway.stop();
    peer.close();
  });
  const dial: Scene['dial'] = ({ noAnswerSeconds = 30, sdp = someSdp } = {}) =>
    gateway.engine.invite('sip:4711@pbx.test', {
      account: gateway.account,
      sdp,
      headers: [{ name: 'Jitsi-Conference-Room', value: 'réunion' }],
      noAnswerSeconds,
    });
  return { gateway, peer, dial };
}

onEachEngine(
  'the INVITE goes to the server of the account with what the PBX needs to know',
  async (context, kind) => {
    const { gateway, peer, dial } = await scene(context, kind);
    const call = dial();
    const over = ended(call);
    const invite = await peer.request('INVITE');
    assert.equal(invite.startLine, 'INVITE sip:4711@pbx.test SIP/2.0');
    assert.match(invite.header('From') ?? '', /^"Jitsi" <sip:gateway@pbx\.test>;tag=[0-9a-f]{18}$/);
    assert.equal(invite.header('To'), '<sip:4711@pbx.test>');
    assert.equal(invite.header('Jitsi-Conference-Room'), 'réunion');
    assert.equal(invite.header('Contact'), `<sip:gateway@127.0.0.1:${gateway.port}>`);
    assert.match(
      invite.header('Via') ?? '',
      new RegExp(`^SIP/2.0/UDP 127.0.0.1:${gateway.port};branch=z9hG4bK[0-9a-f]{18};rport$`),
    );
    assert.equal(invite.header('User-Agent'), undefined);
    assert.equal(invite.body, someSdp);
    const ringing = once(call, 'ringing');
    peer.reply(invite, 183, { body: someSdp });
    assert.deepEqual(await ringing, [someSdp]);
    const answered = once(call, 'answered');
    peer.reply(invite, 200, { body: someSdp });
    assert.deepEqual(await answered, [someSdp]);
    const ack = await peer.request('ACK');
    assert.equal(ack.startLine, `ACK sip:peer@127.0.0.1:${peer.port} SIP/2.0`);
    // The ACK was lost: the repeated 200 gets it again.
    peer.reply(invite, 200, { body: someSdp });
    await peer.request('ACK');
    call.end({ code: 'hangup' });
    const bye = await peer.request('BYE');
    assert.equal(bye.header('Reason'), 'SIP;cause=200;text="Normal call clearing"');
    peer.reply(bye, 200);
    assert.deepEqual(await over, { code: 'hangup' });
  },
  { rfc: '3261 §8.1.1' },
);

onEachEngine(
  'the phone hangs up, and its reason is told',
  async (context, kind) => {
    const { peer, dial, gateway } = await scene(context, kind);
    const call = dial();
    const over = ended(call);
    const invite = await peer.request('INVITE');
    peer.reply(invite, 200, { body: someSdp });
    await peer.request('ACK');
    const bye = [
      `BYE sip:gateway@127.0.0.1:${gateway.port} SIP/2.0`,
      `Via: SIP/2.0/UDP 127.0.0.1:${peer.port};branch=z9hG4bKbye`,
      `From: ${invite.header('To')};tag=peer`,
      `To: ${invite.header('From')}`,
      `Call-ID: ${call.callId}`,
      'CSeq: 7 BYE',
      'Reason: SIP;cause=480;text="Left\tdesk"',
      '',
      '',
    ].join('\r\n');
    peer.send(bye, gateway.port);
    await peer.response(200, 'BYE');
    assert.deepEqual(await over, { code: 'hangup', detail: 'Left desk' });
  },
  { rfc: '3261 §15.1.2, 3326 §2' },
);

const refusals: [number, string][] = [
  [486, 'phone-busy'],
  [600, 'phone-busy'],
  [603, 'phone-rejected'],
  [403, 'phone-rejected'],
  [404, 'phone-not-found'],
  [410, 'phone-not-found'],
  [484, 'phone-not-found'],
  [604, 'phone-not-found'],
  [408, 'phone-no-answer'],
  [480, 'phone-no-answer'],
  [487, 'phone-no-answer'],
  [488, 'no-common-codec'],
  [503, 'phone-unreachable'],
  [500, 'phone-failed'],
  [302, 'phone-failed'],
];

for (const [status, code] of refusals) {
  onEachEngine(
    `${status} means ${code}, with the peer's words`,
    async (context, kind) => {
      const { peer, dial } = await scene(context, kind);
      const call = dial();
      const over = ended(call);
      const invite = await peer.request('INVITE');
      peer.reply(invite, status, { contact: false, lines: ['Warning: 399 pbx "Not today"'] });
      const ack = await peer.request('ACK');
      assert.equal(ack.header('Via'), invite.header('Via'));
      assert.deepEqual(await over, { code, detail: `${status} Whatever; 399 pbx "Not today"` });
      // The ACK was lost: the repeated refusal gets it again, and the call does not end twice.
      peer.reply(invite, status, { contact: false });
      await peer.request('ACK');
    },
    { rfc: '3261 §21' },
  );
}

onEachEngine(
  'a challenged INVITE is sent again with credentials, by the strongest algorithm offered',
  async (context, kind) => {
    const { peer, dial } = await scene(context, kind);
    const call = dial();
    const first = await peer.request('INVITE');
    peer.reply(first, 407, {
      lines: [
        'Proxy-Authenticate: Digest realm="pbx", nonce="n1", qop="auth", algorithm=MD5, Digest realm="pbx", nonce="n2", qop="auth,auth-int", algorithm=SHA-256, Basic realm="x"',
      ],
    });
    const second = await peer.next(
      (message) => message.method === 'INVITE' && message.header('CSeq') === '2 INVITE',
    );
    assert.equal(tagOf(second.header('From')), tagOf(first.header('From')));
    assert.equal(second.header('Call-ID'), first.header('Call-ID'));
    assert.notEqual(second.header('Via'), first.header('Via'));
    const authorization = second.header('Proxy-Authorization') ?? '';
    assert.match(authorization, /algorithm=SHA-256/);
    assert.match(authorization, /nonce="n2".*uri="sip:4711@pbx\.test".*qop=auth, nc=00000001/);
    // The registrar behind the proxy asks, too: both credentials go along.
    peer.reply(second, 401, { lines: ['WWW-Authenticate: Digest realm="phone", nonce="n3"'] });
    const third = await peer.next(
      (message) => message.method === 'INVITE' && message.header('CSeq') === '3 INVITE',
    );
    assert.match(third.header('Authorization') ?? '', /realm="phone"/);
    assert.ok(third.header('Proxy-Authorization'));
    const answered = once(call, 'answered');
    peer.reply(third, 200, { body: someSdp });
    await answered;
  },
  { rfc: '3261 §22.3, 8760 §2.4' },
);

onEachEngine(
  'a wrong password ends the call after one try',
  async (context, kind) => {
    const { peer, dial } = await scene(context, kind);
    const over = ended(dial());
    const challenge = { lines: ['WWW-Authenticate: Digest realm="pbx", nonce="n1"'] };
    peer.reply(await peer.request('INVITE'), 401, challenge);
    const second = await peer.next((message) => message.header('CSeq') === '2 INVITE');
    peer.reply(second, 401, challenge);
    assert.equal((await over).code, 'phone-unauthorized');
  },
  { rfc: '3261 §22.1' },
);

/** A call that may be redirected anywhere, to peers that the test opens. */
async function redirected(context: TestContext, kind: EngineKind, peers: number) {
  const scenery = await scene(context, kind);
  const others = await Promise.all(Array.from({ length: peers }, () => SipPeer.open()));
  context.after(() => others.forEach((other) => void other.close()));
  const { gateway, peer } = scenery;
  const { account } = gateway;
  const call = gateway.engine.invite('sip:4711@pbx.test', {
    account,
    sdp: someSdp,
    headers: [],
    noAnswerSeconds: 30,
    mayFollow: () => true,
  });
  return { gateway, peer, others, call };
}

function moved(peer: SipPeer, invite: RawMessage, ...contacts: string[]): void {
  peer.reply(invite, 302, { contact: false, lines: contacts.map((contact) => `Contact: ${contact}`) });
}

onEachEngine(
  'redirects: the best q first, the next one when it is busy',
  async (context, kind) => {
    const { peer, others, call } = await redirected(context, kind, 2);
    const [low, best] = others as [SipPeer, SipPeer];
    const invite = await peer.request('INVITE');
    moved(
      peer,
      invite,
      `<sip:1@127.0.0.1:${low.port}>;q=0.1`,
      `<sip:2@127.0.0.1:${best.port}?Route=evil>;q=0.9`,
    );
    const first = await best.request('INVITE');
    assert.equal(first.startLine, `INVITE sip:2@127.0.0.1:${best.port} SIP/2.0`);
    assert.equal(first.header('CSeq'), '2 INVITE');
    assert.equal(first.header('Call-ID'), invite.header('Call-ID'));
    best.reply(first, 486);
    const answered = once(call, 'answered');
    low.reply(await low.request('INVITE'), 200, { body: someSdp });
    await answered;
  },
  { rfc: '3261 §8.1.3.4' },
);

onEachEngine(
  'redirects: 603 is the last word',
  async (context, kind) => {
    const { peer, others, call } = await redirected(context, kind, 2);
    const [first, second] = others as [SipPeer, SipPeer];
    const over = ended(call);
    moved(
      peer,
      await peer.request('INVITE'),
      `<sip:1@127.0.0.1:${first.port}>, <sip:2@127.0.0.1:${second.port}>`,
    );
    first.reply(await first.request('INVITE'), 603);
    assert.equal((await over).code, 'phone-rejected');
    assert.equal(second.received.length, 0);
  },
  { rfc: '3261 §21.6' },
);

onEachEngine(
  'redirects: a circle ends the call',
  async (context, kind) => {
    const { peer, others, call } = await redirected(context, kind, 1);
    const [other] = others as [SipPeer];
    const over = ended(call);
    moved(peer, await peer.request('INVITE'), `<sip:1@127.0.0.1:${other.port}>`);
    moved(other, await other.request('INVITE'), '<sip:4711@pbx.test>', `<sip:1@127.0.0.1:${other.port}>`);
    assert.deepEqual(await over, { code: 'phone-failed', detail: '302 Whatever' });
  },
  { rfc: '3261 §8.1.3.4' },
);

onEachEngine(
  'redirects: who is not the account’s server gets no proof of our password',
  async (context, kind) => {
    const { peer, others, call } = await redirected(context, kind, 1);
    const [other] = others as [SipPeer];
    const over = ended(call);
    moved(peer, await peer.request('INVITE'), `<sip:1@127.0.0.1:${other.port}>`);
    const invite = await other.request('INVITE');
    other.reply(invite, 401, { lines: ['WWW-Authenticate: Digest realm="pbx.test", nonce="n1"'] });
    assert.equal((await over).code, 'phone-unauthorized');
    assert.equal(other.received.filter(({ method }) => method === 'INVITE').length, 1);
  },
  { rfc: '3261 §26.1.4' },
);

onEachEngine(
  'redirects: without leave only the account’s own numbers are called',
  async (context, kind) => {
    const { peer, dial } = await scene(context, kind);
    const other = await SipPeer.open();
    context.after(() => other.close());
    const call = dial();
    const over = ended(call);
    moved(
      peer,
      await peer.request('INVITE'),
      `<sip:900@127.0.0.1:${other.port}>`,
      '<sip:4712@pbx.test>;q=0.1',
    );
    const again = await peer.next((message) => message.header('CSeq') === '2 INVITE');
    assert.equal(again.startLine, 'INVITE sip:4712@pbx.test SIP/2.0');
    peer.reply(again, 486);
    assert.equal((await over).code, 'phone-busy');
    assert.equal(other.received.length, 0);
  },
  { rfc: '3261 §8.1.3.4' },
);

onEachEngine(
  'a lost INVITE is repeated, and a peer that is dead is reported',
  async (context, kind) => {
    const { peer, dial } = await scene(context, kind);
    const over = ended(dial());
    const first = await peer.request('INVITE');
    const second = await peer.request('INVITE');
    assert.equal(second.text, first.text);
    assert.equal((await over).code, 'phone-unreachable');
  },
  { rfc: '3261 §17.1.1.2', quick: true },
);

onEachEngine(
  'the INVITE is not repeated after 100',
  async (context, kind) => {
    const { peer, dial } = await scene(context, kind);
    const call = dial();
    const invite = await peer.request('INVITE');
    peer.reply(invite, 100, { contact: false });
    const ringing = once(call, 'ringing');
    peer.reply(invite, 180);
    await ringing;
    const before = peer.received.filter((message) => message.method === 'INVITE').length;
    call.end({ code: 'hangup' });
    const cancel = await peer.request('CANCEL');
    await peer.request('CANCEL');
    peer.reply(cancel, 200);
    peer.reply(invite, 487);
    await peer.request('ACK');
    const invites = peer.received.filter((message) => message.method === 'INVITE').length;
    assert.equal(invites, before);
  },
  { rfc: '3261 §17.1.1.2' },
);

onEachEngine(
  'CANCEL is held back until the peer has said something',
  async (context, kind) => {
    const { peer, dial } = await scene(context, kind);
    const call = dial();
    const over = ended(call);
    const invite = await peer.request('INVITE');
    call.end({ code: 'hangup' });
    assert.deepEqual(await over, { code: 'hangup' });
    await peer.request('INVITE');
    assert.ok(!peer.received.some((message) => message.method === 'CANCEL'));
    peer.reply(invite, 180);
    const cancel = await peer.request('CANCEL');
    assert.equal(cancel.header('Via'), invite.header('Via'));
    assert.equal(cancel.header('From'), invite.header('From'));
    assert.equal(cancel.header('To'), invite.header('To'));
    assert.equal(cancel.header('CSeq'), '1 CANCEL');
    assert.match(cancel.header('Reason') ?? '', /^SIP;cause=200;text="Normal call clearing"$/);
    peer.reply(cancel, 200);
    peer.reply(invite, 487);
    await peer.request('ACK');
  },
  { rfc: '3261 §9.1' },
);

onEachEngine(
  'a phone that picks up while we cancel gets ACK and BYE',
  async (context, kind) => {
    const { peer, dial } = await scene(context, kind);
    const call = dial();
    const over = ended(call);
    const invite = await peer.request('INVITE');
    peer.reply(invite, 180);
    await once(call, 'ringing');
    call.end({ code: 'hangup' });
    await peer.request('CANCEL');
    peer.reply(invite, 200, { body: someSdp });
    await peer.request('ACK');
    peer.reply(await peer.request('BYE'), 200);
    assert.equal((await over).code, 'hangup');
  },
  { rfc: '3261 §9.1' },
);

onEachEngine(
  'of two phones that pick up, the second gets ACK and BYE and the first stays',
  async (context, kind) => {
    const { peer, dial } = await scene(context, kind);
    const call = dial();
    const invite = await peer.request('INVITE');
    const answered = once(call, 'answered');
    peer.reply(invite, 200, { body: someSdp, tag: 'one' });
    await answered;
    peer.reply(invite, 200, { body: someSdp, tag: 'two' });
    await peer.next((message) => message.method === 'ACK' && tagOf(message.header('To')) === 'two');
    const bye = await peer.request('BYE');
    assert.equal(tagOf(bye.header('To')), 'two');
    peer.reply(bye, 200);
    call.end({ code: 'hangup' });
    const last = await peer.next(
      (message) => message.method === 'BYE' && tagOf(message.header('To')) === 'one',
    );
    peer.reply(last, 200);
  },
  { rfc: '3261 §13.2.2.4', only: 'embedded' },
);

onEachEngine(
  '180 and 200 without Contact, and 180 without tag, are understood',
  async (context, kind) => {
    const { peer, dial } = await scene(context, kind);
    const call = dial();
    const invite = await peer.request('INVITE');
    const ringing = once(call, 'ringing');
    const bare = peer.replyText(invite, 180, { contact: false }).replace(';tag=peer', '');
    peer.send(bare, invite.port);
    await ringing;
    const answered = once(call, 'answered');
    peer.reply(invite, 200, { contact: false, body: someSdp });
    await answered;
    await peer.request('ACK');
    call.end({ code: 'hangup' });
    peer.reply(await peer.request('BYE'), 200);
  },
  { rfc: '3261 §12.1', only: 'embedded' },
);

onEachEngine(
  'nobody picks up: CANCEL, and the call says so',
  async (context, kind) => {
    const { peer, dial } = await scene(context, kind);
    const call = dial({ noAnswerSeconds: 0.2 });
    const over = ended(call);
    const invite = await peer.request('INVITE');
    peer.reply(invite, 180);
    const cancel = await peer.request('CANCEL');
    peer.reply(cancel, 200);
    peer.reply(invite, 487);
    await peer.request('ACK');
    assert.equal((await over).code, 'phone-no-answer');
  },
  { rfc: '3261 §9.1' },
);

onEachEngine(
  'a peer that wants its 183 acknowledged gets PRACK',
  async (context, kind) => {
    const { peer, dial } = await scene(context, kind);
    const call = dial();
    const invite = await peer.request('INVITE');
    const ringing = once(call, 'ringing');
    peer.reply(invite, 183, { body: someSdp, lines: ['Require: 100rel', 'RSeq: 77'] });
    await ringing;
    const prack = await peer.request('PRACK');
    assert.equal(prack.header('RAck'), '77 1 INVITE');
    peer.reply(prack, 200);
    const answered = once(call, 'answered');
    // The answer was in the 183; the 200 need not repeat it.
    peer.reply(invite, 200);
    assert.deepEqual(await answered, [someSdp]);
  },
  { rfc: '3262 §4' },
);

onEachEngine(
  'an INVITE too large for UDP goes by TCP when the peer takes it',
  async (context, kind) => {
    const { peer, dial } = await scene(context, kind);
    const server = createServer();
    server.listen(peer.port, '127.0.0.1');
    await once(server, 'listening');
    context.after(() => server.close());
    const connected = once(server, 'connection');
    dial({ sdp: `${someSdp}a=x:${'x'.repeat(1300)}\r\n` });
    const [socket] = await connected;
    const [bytes] = await once(socket, 'data');
    assert.match(String(bytes), /^INVITE [^\r]*\r\nVia: SIP\/2\.0\/TCP |\r\nVia: SIP\/2\.0\/TCP /);
    socket.destroy();
  },
  { rfc: '3261 §18.1.1' },
);

onEachEngine(
  'a large INVITE goes by TCP, what is small goes by UDP again',
  async (context, kind) => {
    const { peer, dial } = await scene(context, kind);
    const server = createServer();
    server.listen(peer.port, '127.0.0.1');
    await once(server, 'listening');
    context.after(() => server.close());
    const call = dial({ sdp: `${someSdp}a=x:${'x'.repeat(1300)}\r\n` });
    const [socket] = await once(server, 'connection');
    context.after(() => socket.destroy());
    const [bytes] = await once(socket, 'data');
    const invite = readRaw(String(bytes), peer.port);
    assert.match(invite.header('Via') ?? '', /^SIP\/2\.0\/TCP/);
    const answered = once(call, 'answered');
    socket.write(peer.replyText(invite, 200, { body: someSdp }));
    await answered;
    assert.match((await peer.request('ACK')).header('Via') ?? '', /^SIP\/2\.0\/UDP/);
    call.end({ code: 'hangup' });
    const bye = await peer.request('BYE');
    assert.match(bye.header('Via') ?? '', /^SIP\/2\.0\/UDP/);
    peer.reply(bye, 200);
  },
  { rfc: '3261 §18.1.1' },
);

onEachEngine(
  'an INVITE too large for UDP goes by UDP when the peer has no TCP',
  async (context, kind) => {
    const { peer, dial } = await scene(context, kind);
    const call = dial({ sdp: `${someSdp}a=x:${'x'.repeat(1300)}\r\n` });
    const invite = await peer.request('INVITE');
    assert.match(invite.header('Via') ?? '', /^SIP\/2\.0\/UDP/);
    const over = ended(call);
    peer.reply(invite, 486);
    assert.equal((await over).code, 'phone-busy');
  },
  { rfc: '3261 §18.1.1' },
);

onEachEngine(
  'a header with a line end is never written',
  async (context, kind) => {
    const { gateway, peer } = await scene(context, kind);
    for (const value of ['a\r\nRoute: <sip:evil>', 'a\nb', 'a\0b', 'a\u001bb']) {
      assert.throws(
        () =>
          gateway.engine.invite('sip:4711@pbx.test', {
            account: gateway.account,
            sdp: someSdp,
            headers: [{ name: 'X-Room', value }],
            noAnswerSeconds: 5,
          }),
        /control character/,
      );
    }
    const call = gateway.engine.invite('sip:4711@pbx.test\r\nX-Evil: 1', {
      account: gateway.account,
      sdp: someSdp,
      headers: [],
      noAnswerSeconds: 5,
    });
    assert.equal((await ended(call)).code, 'bad-request');
    assert.equal(peer.received.length, 0);
  },
  { rfc: '3261 §25.1' },
);
