import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { ok } from '../../../src/errors.ts';
import type { SipCall } from '../../../src/sip/engine.ts';
import { ended, quickTimes, startEngine, type TestEngine } from '../../kit/sip-engine.ts';
import { onEachEngine } from '../../kit/sip-engines.ts';
import { type RawMessage, type RequestText, SipPeer, someSdp, tagOf } from '../../kit/sip-peer.ts';

interface Scene {
  readonly gateway: TestEngine;
  readonly peer: SipPeer;
}

async function scene(context: TestContext): Promise<Scene> {
  const peer = await SipPeer.open();
  const gateway = await startEngine({ times: quickTimes, account: { port: peer.port } });
  context.after(async () => {
    await gateway.stop();
    peer.close();
  });
  return { gateway, peer };
}

let calls = 0;

interface Ringing extends Scene {
  readonly call: SipCall;
  send(method: string, toTag: string, options?: Partial<RequestText>): void;
}

async function callIn(context: TestContext, lines: readonly string[], body = someSdp): Promise<Ringing> {
  const { gateway, peer } = await scene(context);
  const { port } = gateway;
  calls += 1;
  const callId = `early-${calls}`;
  peer.send(peer.requestText('INVITE', { port, callId, body, lines }), port);
  const call = await gateway.nextCall();
  const send: Ringing['send'] = (method, toTag, options = {}) =>
    peer.send(peer.requestText(method, { port, callId, toTag, ...options }), port);
  return { gateway, peer, call, send };
}

function toTagOf(message: RawMessage): string {
  return tagOf(message.header('To'));
}

function rack(response: RawMessage): string {
  return `RAck: ${response.header('RSeq')} ${response.header('CSeq')}`;
}

const held = someSdp.replace('RTP/AVP 0\r\n', 'RTP/AVP 0\r\na=sendonly\r\n');

onEachEngine(
  'early media to a caller that knows 100rel: repeated until PRACK, then the answer',
  async (context) => {
    const { peer, call, send } = await callIn(context, ['Supported: 100rel']);
    call.early(someSdp);
    const first = await peer.response(183);
    assert.equal(first.header('Require'), '100rel');
    assert.equal(first.body, someSdp);
    assert.ok(Number(first.header('RSeq')) > 0);
    const repeated = await peer.response(183);
    assert.equal(repeated.text, first.text);
    // RFC 3262 §3: no 200 while the description is not acknowledged.
    call.answer(someSdp);
    await peer.response(183);
    assert.equal(
      peer.received.some(({ status }) => status === 200),
      false,
    );
    const toTag = toTagOf(first);
    send('PRACK', toTag, { cseq: 2, lines: [rack(first)] });
    await peer.response(200, 'PRACK');
    const accepted = await peer.response(200, 'INVITE');
    assert.equal(toTagOf(accepted), toTag);
    assert.equal(accepted.header('RSeq'), undefined);
    const answered = once(call, 'answered');
    send('ACK', toTag);
    await answered;
  },
  { only: 'embedded', rfc: '3262 §3' },
);

onEachEngine(
  'early media to a caller that does not: one 183 with the description',
  async (context) => {
    const { peer, call } = await callIn(context, []);
    call.early(someSdp);
    const progress = await peer.response(183);
    assert.equal(progress.header('Require'), undefined);
    assert.equal(progress.body, someSdp);
    call.answer(someSdp);
    await peer.response(200);
  },
  { only: 'embedded', rfc: '3960 §3.1' },
);

onEachEngine(
  'a caller that requires 100rel gets a ringing that it can acknowledge; a wrong PRACK gets 481',
  async (context) => {
    const { peer, call, send } = await callIn(context, ['Require: 100rel']);
    call.ring();
    const ringing = await peer.response(180);
    assert.equal(ringing.header('Require'), '100rel');
    const toTag = toTagOf(ringing);
    send('PRACK', toTag, { cseq: 2, lines: ['RAck: 5 1 INVITE'] });
    await peer.response(481, 'PRACK');
    send('PRACK', toTag, { cseq: 3, lines: [rack(ringing)] });
    await peer.response(200, 'PRACK');
    call.early(someSdp);
    const early = await peer.response(183);
    assert.equal(Number(early.header('RSeq')), Number(ringing.header('RSeq')) + 1);
    send('PRACK', toTag, { cseq: 4, lines: [rack(early)] });
    await peer.response(200, 'PRACK');
    call.answer(someSdp);
    await peer.response(200, 'INVITE');
  },
  { only: 'embedded', rfc: '3262 §3' },
);

onEachEngine(
  'a caller that never acknowledges the 183 is refused',
  async (context) => {
    const { peer, call } = await callIn(context, ['Supported: 100rel']);
    const over = ended(call);
    call.early(someSdp);
    await peer.response(504, 'INVITE');
    assert.equal((await over).code, 'no-ack');
  },
  { only: 'embedded', rfc: '3262 §3' },
);

onEachEngine(
  'CANCEL ends the repetition',
  async (context) => {
    const { peer, call, send, gateway } = await callIn(context, ['Supported: 100rel'], someSdp);
    call.early(someSdp);
    await peer.response(183);
    const over = ended(call);
    const branch = /branch=([^;]+)/.exec(peer.received.at(-1)?.header('Via') ?? '')?.[1] ?? '';
    peer.send(peer.requestText('CANCEL', { port: gateway.port, callId: call.callId, branch }), gateway.port);
    await peer.response(487, 'INVITE');
    send('ACK', '', { branch });
    assert.equal((await over).code, 'cancelled');
    const count = peer.received.filter(({ status }) => status === 183).length;
    const marker = peer.requestText('OPTIONS', { port: gateway.port, callId: 'after' });
    peer.send(marker, gateway.port);
    await peer.response(200, 'OPTIONS');
    assert.equal(peer.received.filter(({ status }) => status === 183).length, count);
  },
  { only: 'embedded', rfc: '3262 §3' },
);

onEachEngine(
  'an offerless INVITE has no early media, and is answered with an offer',
  async (context) => {
    const { peer, call } = await callIn(context, ['Require: 100rel'], '');
    call.ring();
    call.early(someSdp);
    call.answer(someSdp);
    const accepted = await peer.response(200, 'INVITE');
    assert.equal(accepted.body, someSdp);
    assert.equal(
      peer.received.some(({ status }) => status === 180 || status === 183),
      false,
    );
  },
  { only: 'embedded', rfc: '3262 §5' },
);

onEachEngine(
  'the caller changes the session by UPDATE before the answer, once the first one is acknowledged',
  async (context) => {
    const { peer, call, send } = await callIn(context, ['Supported: 100rel']);
    call.early(someSdp);
    const early = await peer.response(183);
    const toTag = toTagOf(early);
    send('UPDATE', toTag, { cseq: 2, body: held });
    assert.ok((await peer.response(500, 'UPDATE')).header('Retry-After'));
    send('PRACK', toTag, { cseq: 3, lines: [rack(early)] });
    await peer.response(200, 'PRACK');
    call.on('reoffer', (_sdp, respond) => respond(ok(held)));
    send('UPDATE', toTag, { cseq: 4, body: held });
    assert.equal((await peer.response(200, 'UPDATE')).body, held);
  },
  { only: 'embedded', rfc: '3311 §5.1' },
);

onEachEngine(
  'a PRACK with another offer is answered in its 200',
  async (context) => {
    const { peer, call, send } = await callIn(context, ['Supported: 100rel']);
    call.early(someSdp);
    const early = await peer.response(183);
    call.on('reoffer', (_sdp, respond) => respond(ok(held)));
    send('PRACK', toTagOf(early), { cseq: 2, lines: [rack(early)], body: held });
    assert.equal((await peer.response(200, 'PRACK')).body, held);
  },
  { only: 'embedded', rfc: '3262 §5' },
);

onEachEngine(
  'we offer 100rel, acknowledge a reliable 183, and take an UPDATE before the answer',
  async (context) => {
    const { gateway, peer } = await scene(context);
    const { engine, account, port } = gateway;
    const call = engine.invite('sip:200@pbx.test', {
      account,
      sdp: someSdp,
      headers: [],
      noAnswerSeconds: 30,
    });
    const invite = await peer.request('INVITE');
    assert.match(invite.header('Supported') ?? '', /100rel/);
    const early = once(call, 'ringing');
    const progress = { body: someSdp, lines: ['Require: 100rel', 'RSeq: 77'] };
    peer.reply(invite, 183, progress);
    assert.deepEqual(await early, [someSdp]);
    const prack = await peer.request('PRACK');
    assert.equal(prack.header('RAck'), `77 ${invite.header('CSeq')}`);
    peer.reply(prack, 200);
    call.on('reoffer', (_sdp, respond) => respond(ok(held)));
    const inDialog = {
      port,
      callId: invite.header('Call-ID') ?? '',
      fromTag: 'peer',
      toTag: tagOf(invite.header('From')),
    };
    peer.send(peer.requestText('UPDATE', { ...inDialog, body: held }), port);
    assert.equal((await peer.response(200, 'UPDATE')).body, held);
    const answered = once(call, 'answered');
    peer.reply(invite, 200);
    assert.deepEqual(await answered, [someSdp]);
    await peer.request('ACK');
    const over = ended(call);
    peer.send(peer.requestText('BYE', { ...inDialog, cseq: 2 }), port);
    await peer.response(200, 'BYE');
    assert.equal((await over).code, 'hangup');
    assert.deepEqual(gateway.engine.occupancy().dialogs, 0);
  },
  { only: 'embedded', rfc: '3262 §4, 3311 §5.1' },
);
