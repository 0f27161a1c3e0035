import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { ok } from '../../../src/errors.ts';
import type { SipCall } from '../../../src/sip/engine.ts';
import { ended, quickTimes } from '../../kit/sip-engine.ts';
import { type EngineKind, onEachEngine, startEngineOf } from '../../kit/sip-engines.ts';
import { type RawMessage, SipPeer, someSdp, tagOf } from '../../kit/sip-peer.ts';

interface Scene {
  readonly peer: SipPeer;
  readonly call: SipCall;
}

/** A call that we placed, answered. */
async function callOut(context: TestContext, kind: EngineKind): Promise<Scene> {
  const peer = await SipPeer.open();
  const gateway = await startEngineOf(kind, { times: quickTimes, account: { port: peer.port } });
  context.after(async () => {
    await gateway.stop();
    peer.close();
  });
  const { account, engine } = gateway;
  const call = engine.invite('sip:200@pbx.test', { account, sdp: someSdp, headers: [], noAnswerSeconds: 9 });
  const answered = once(call, 'answered');
  peer.reply(await peer.request('INVITE'), 200, { body: someSdp });
  await answered;
  await peer.request('ACK');
  return { peer, call };
}

/** A call from the account's server, or with another `server` from a stranger; answered. */
async function callIn(context: TestContext, kind: EngineKind, server: string): Promise<Scene> {
  const peer = await SipPeer.open();
  const gateway = await startEngineOf(kind, { times: quickTimes, account: { server } });
  context.after(async () => {
    await gateway.stop();
    peer.close();
  });
  const { port } = gateway;
  peer.send(peer.requestText('INVITE', { port, callId: 'in', body: someSdp }), port);
  const call = await gateway.nextCall();
  const answered = once(call, 'answered');
  call.answer(someSdp);
  const toTag = tagOf((await peer.response(200)).header('To'));
  peer.send(peer.requestText('ACK', { port, callId: 'in', toTag }), port);
  await answered;
  return { peer, call };
}

const proxy = { lines: ['Proxy-Authenticate: Digest realm="pbx", nonce="n1", qop="auth"'] };
const server = { lines: ['WWW-Authenticate: Digest realm="phone", nonce="n2", algorithm=SHA-256'] };

/** The request that answers a challenge: a new CSeq, and credentials. */
function proven(peer: SipPeer, before: RawMessage, header: string): Promise<RawMessage> {
  const { method } = before;
  return peer.next(
    (message) =>
      message.method === method &&
      message.header('CSeq') !== before.header('CSeq') &&
      message.header(header) !== undefined,
  );
}

onEachEngine(
  'a re-INVITE is challenged by a proxy and by the phone: both get their proof',
  async (context, kind) => {
    const { peer, call } = await callOut(context, kind);
    const outcome = call.reinvite(someSdp);
    const first = await peer.request('INVITE');
    peer.reply(first, 407, proxy);
    const second = await proven(peer, first, 'Proxy-Authorization');
    assert.equal(second.body, someSdp);
    peer.reply(second, 401, server);
    const third = await proven(peer, second, 'Authorization');
    assert.match(third.header('Authorization') ?? '', /realm="phone".*algorithm=SHA-256/);
    assert.match(third.header('Proxy-Authorization') ?? '', /realm="pbx"/);
    peer.reply(third, 200, { body: someSdp });
    assert.deepEqual(await outcome, ok(someSdp));
    await peer.next((message) => message.method === 'ACK' && message.header('CSeq') === '4 ACK');
  },
  { rfc: '3261 §22.2' },
);

onEachEngine(
  'a BYE that is challenged is sent again, so that the phone hears the end',
  async (context, kind) => {
    const { peer, call } = await callOut(context, kind);
    const over = ended(call);
    call.end({ code: 'hangup' });
    const bye = await peer.request('BYE');
    peer.reply(bye, 407, proxy);
    const again = await proven(peer, bye, 'Proxy-Authorization');
    assert.match(again.header('Proxy-Authorization') ?? '', /nc=00000001/);
    peer.reply(again, 200);
    await over;
  },
  { rfc: '3261 §22.3' },
);

onEachEngine(
  'the PBX may challenge us in a call that it placed',
  async (context, kind) => {
    const { peer, call } = await callIn(context, kind, '127.0.0.1');
    call.end({ code: 'hangup' });
    const bye = await peer.request('BYE');
    peer.reply(bye, 407, proxy);
    peer.reply(await proven(peer, bye, 'Proxy-Authorization'), 200);
  },
  { rfc: '3261 §22.3' },
);

onEachEngine(
  'a stranger that calls gets no proof of our password',
  async (context, kind) => {
    const { peer, call } = await callIn(context, kind, '127.0.0.2');
    const answer = call.info('application/dtmf-relay', 'Signal=1');
    peer.reply(await peer.request('INFO'), 401, server);
    assert.deepEqual(await answer, ok(401));
    assert.ok(peer.received.every((message) => message.header('Authorization') === undefined));
  },
  { rfc: '3261 §26.4.1' },
);
