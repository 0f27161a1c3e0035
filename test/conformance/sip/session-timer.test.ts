import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import type { SipCall } from '../../../src/sip/engine.ts';
import { ended, startEngine, type TestEngine } from '../../kit/sip-engine.ts';
import { onEachEngine } from '../../kit/sip-engines.ts';
import { type RawMessage, type RequestText, SipPeer, someSdp, tagOf } from '../../kit/sip-peer.ts';

/** RFC 4028 with T1 of 10 ms: a second takes 20 ms. */
const times = { t1: 10, t2: 80, t4: 100 };

interface Scene {
  readonly gateway: TestEngine;
  readonly peer: SipPeer;
}

interface Answered extends Scene {
  readonly call: SipCall;
  /** The 2xx that we sent, or the INVITE. */
  readonly ours: RawMessage;
  send(method: string, options: Partial<RequestText>): void;
}

async function scene(context: TestContext): Promise<Scene> {
  const peer = await SipPeer.open();
  const gateway = await startEngine({ times, account: { port: peer.port } });
  context.after(async () => {
    await gateway.stop();
    peer.close();
  });
  return { gateway, peer };
}

let calls = 0;

async function callIn(context: TestContext, lines: readonly string[]): Promise<Answered> {
  const { gateway, peer } = await scene(context);
  calls += 1;
  const callId = `timer-${calls}`;
  const { port } = gateway;
  peer.send(peer.requestText('INVITE', { port, callId, body: someSdp, lines }), port);
  const call = await gateway.nextCall();
  const answered = once(call, 'answered');
  call.answer(someSdp);
  const ours = await peer.response(200);
  const toTag = tagOf(ours.header('To'));
  const send: Answered['send'] = (method, options) =>
    peer.send(peer.requestText(method, { port, callId, toTag, ...options }), port);
  send('ACK', {});
  await answered;
  return { gateway, peer, call, ours, send };
}

async function callOut(context: TestContext, lines: readonly string[]): Promise<Answered> {
  const { gateway, peer } = await scene(context);
  const { engine, account, port } = gateway;
  const call = engine.invite('sip:200@pbx.test', { account, sdp: someSdp, headers: [], noAnswerSeconds: 30 });
  const ours = await peer.request('INVITE');
  const answered = once(call, 'answered');
  peer.reply(ours, 200, { body: someSdp, lines });
  await answered;
  await peer.request('ACK');
  const callId = ours.header('Call-ID') ?? '';
  const toTag = tagOf(ours.header('From'));
  const send: Answered['send'] = (method, options) =>
    peer.send(peer.requestText(method, { port, callId, toTag, fromTag: 'peer', ...options }), port);
  return { gateway, peer, call, ours, send };
}

function serving(...methods: string[]): string {
  return `Allow: INVITE, ACK, BYE, CANCEL, ${methods.join(', ')}`;
}

/** The next request of the same method that is no retransmission. */
function another(peer: SipPeer, before: RawMessage): Promise<RawMessage> {
  const { method } = before;
  return peer.next(
    (message) => message.method === method && message.header('CSeq') !== before.header('CSeq'),
  );
}

async function hangUp({ call, peer }: Answered): Promise<void> {
  const over = ended(call);
  call.end({ code: 'hangup' });
  peer.reply(await peer.request('BYE'), 200);
  await over;
}

onEachEngine(
  'a caller that understands timers gets one, and we refresh it by UPDATE',
  async (context) => {
    const scene = await callIn(context, ['Supported: timer', 'Session-Expires: 90', serving('UPDATE')]);
    const { ours, peer, gateway } = scene;
    assert.equal(ours.header('Session-Expires'), '90;refresher=uas');
    assert.match(ours.header('Supported') ?? '', /timer/);
    for (let round = 0; round < 2; round += 1) {
      const update = await peer.request('UPDATE');
      assert.equal(update.header('Session-Expires'), '90;refresher=uac');
      assert.ok(update.header('Contact')?.includes(`:${gateway.port}`));
      assert.equal(update.body, '');
      peer.reply(update, 200, { lines: ['Session-Expires: 90;refresher=uac', 'Require: timer'] });
    }
    await hangUp(scene);
  },
  { only: 'embedded', rfc: '4028 §9, §10' },
);

onEachEngine(
  'a peer without UPDATE is refreshed by an INVITE with the description that it has',
  async (context) => {
    const scene = await callIn(context, ['Supported: timer', 'Session-Expires: 90']);
    const { peer } = scene;
    const again = await peer.request('INVITE');
    assert.equal(again.body, someSdp);
    assert.equal(again.header('Session-Expires'), '90;refresher=uac');
    const reanswered = once(scene.call, 'reanswered');
    peer.reply(again, 200, { body: someSdp, lines: ['Session-Expires: 90;refresher=uac'] });
    await peer.request('ACK');
    assert.deepEqual(await reanswered, [someSdp]);
    await hangUp(scene);
  },
  { only: 'embedded', rfc: '4028 §7.4' },
);

onEachEngine(
  'a peer that promised UPDATE and refuses it is refreshed by INVITE',
  async (context) => {
    const scene = await callIn(context, ['Supported: timer', 'Session-Expires: 90', serving('UPDATE')]);
    const { peer } = scene;
    peer.reply(await peer.request('UPDATE'), 405);
    peer.reply(await peer.request('INVITE'), 200, { body: someSdp, lines: ['Session-Expires: 90'] });
    await peer.request('ACK');
    await hangUp(scene);
  },
  { only: 'embedded', rfc: '4028 §7.4' },
);

onEachEngine(
  'a proxy asks for a caller that knows no timers: we refresh and do not require them',
  async (context) => {
    const scene = await callIn(context, ['Session-Expires: 120', serving('UPDATE')]);
    assert.equal(scene.ours.header('Session-Expires'), '120;refresher=uas');
    assert.equal(scene.ours.header('Require'), undefined);
    await hangUp(scene);
  },
  { only: 'embedded', rfc: '4028 §8.1, §9' },
);

onEachEngine(
  'a caller that neither asks nor understands gets no timer',
  async (context) => {
    const scene = await callIn(context, []);
    assert.equal(scene.ours.header('Session-Expires'), undefined);
    await hangUp(scene);
  },
  { only: 'embedded', rfc: '4028 §9' },
);

onEachEngine(
  'the caller refreshes; when it stops the call is ended a little before the time',
  async (context) => {
    const terms = ['Supported: timer', 'Session-Expires: 90;refresher=uac'];
    const { ours, peer, call, send } = await callIn(context, terms);
    assert.equal(ours.header('Session-Expires'), '90;refresher=uac');
    assert.equal(ours.header('Require'), 'timer');
    const over = ended(call);
    send('UPDATE', { cseq: 2, lines: terms });
    const refreshed = await peer.response(200, 'UPDATE');
    assert.equal(refreshed.header('Session-Expires'), '90;refresher=uac');
    const bye = await peer.request('BYE');
    assert.match(bye.header('Reason') ?? '', /cause=408;text="Session expired"/);
    peer.reply(bye, 200);
    assert.equal((await over).code, 'session-expired');
  },
  { only: 'embedded', rfc: '4028 §10' },
);

onEachEngine(
  'a refresh that the peer does not know any more ends the call',
  async (context) => {
    const terms = ['Supported: timer', 'Session-Expires: 90', serving('UPDATE')];
    const { peer, call } = await callIn(context, terms);
    const over = ended(call);
    peer.reply(await peer.request('UPDATE'), 481);
    peer.reply(await peer.request('BYE'), 481);
    assert.equal((await over).code, 'session-expired');
  },
  { only: 'embedded', rfc: '4028 §10' },
);

onEachEngine(
  'a peer that is gone does not answer the refresh: the call ends',
  async (context) => {
    const { call } = await callIn(context, ['Supported: timer', 'Session-Expires: 90', serving('UPDATE')]);
    assert.equal((await ended(call)).code, 'session-expired');
  },
  { only: 'embedded', rfc: '4028 §10' },
);

onEachEngine(
  'an interval that is too small is refused with our minimum, at the start and later',
  async (context) => {
    const { gateway, peer } = await scene(context);
    const { port } = gateway;
    const lines = ['Supported: timer', 'Session-Expires: 60'];
    peer.send(peer.requestText('INVITE', { port, callId: 'brief', body: someSdp, lines }), port);
    const refused = await peer.response(422);
    assert.equal(refused.header('Min-SE'), '90');
  },
  { only: 'embedded', rfc: '4028 §9' },
);

onEachEngine(
  'a re-INVITE or UPDATE with too small an interval gets 422 and the call goes on',
  async (context) => {
    const scene = await callIn(context, []);
    const lines = ['Supported: timer', 'Session-Expires: 60'];
    scene.send('UPDATE', { cseq: 2, lines });
    assert.equal((await scene.peer.response(422, 'UPDATE')).header('Min-SE'), '90');
    scene.send('INVITE', { cseq: 3, lines, body: someSdp });
    assert.equal((await scene.peer.response(422, 'INVITE')).header('Min-SE'), '90');
    await hangUp(scene);
  },
  { only: 'embedded', rfc: '4028 §9' },
);

onEachEngine(
  'our INVITE asks for a timer, takes the minimum of a 422, and lets the callee refresh if it wants',
  async (context) => {
    const { gateway, peer } = await scene(context);
    const { engine, account } = gateway;
    const call = engine.invite('sip:200@pbx.test', {
      account,
      sdp: someSdp,
      headers: [],
      noAnswerSeconds: 30,
    });
    const first = await peer.request('INVITE');
    assert.equal(first.header('Session-Expires'), '1800');
    assert.match(first.header('Supported') ?? '', /timer/);
    peer.reply(first, 422, { lines: ['Min-SE: 3600'] });
    const second = await another(peer, first);
    assert.equal(second.header('Session-Expires'), '3600');
    assert.equal(second.header('Min-SE'), '3600');
    const over = ended(call);
    peer.reply(second, 422, { lines: ['Min-SE: 3600'] });
    assert.equal((await over).code, 'phone-failed');
  },
  { only: 'embedded', rfc: '4028 §7.1, §7.3' },
);

onEachEngine(
  'a callee that chose a timer is refreshed by us, in the roles of the answer',
  async (context) => {
    const lines = ['Session-Expires: 90;refresher=uac', 'Require: timer', serving('UPDATE')];
    const scene = await callOut(context, lines);
    const update = await scene.peer.request('UPDATE');
    assert.equal(update.header('Session-Expires'), '90;refresher=uac');
    scene.peer.reply(update, 422, { lines: ['Min-SE: 200'] });
    const longer = await another(scene.peer, update);
    assert.equal(longer.header('Session-Expires'), '200;refresher=uac');
    scene.peer.reply(longer, 200, { lines: ['Session-Expires: 200;refresher=uac'] });
    await hangUp(scene);
  },
  { only: 'embedded', rfc: '4028 §7.4' },
);

onEachEngine(
  'a callee that wanted to refresh and does not is hung up',
  async (context) => {
    const { peer, call } = await callOut(context, ['Session-Expires: 90;refresher=uas', 'Require: timer']);
    const over = ended(call);
    peer.reply(await peer.request('BYE'), 200);
    assert.equal((await over).code, 'session-expired');
  },
  { only: 'embedded', rfc: '4028 §10' },
);
