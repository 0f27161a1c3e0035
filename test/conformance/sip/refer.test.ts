import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { failure } from '../../../src/errors.ts';
import type { SipCall, TransferRequest } from '../../../src/sip/engine.ts';
import { type AnsweredCall, answeredCall, digitInfo, engineAndPeer } from '../../kit/answered-call.ts';
import { ended } from '../../kit/sip-engine.ts';
import { type EngineKind, onEachEngine } from '../../kit/sip-engines.ts';
import { tagOf } from '../../kit/sip-peer.ts';

interface Scene extends AnsweredCall {
  refer(cseq: number, ...lines: string[]): void;
}

/** An incoming call whose peer transfers it. */
async function callToTransfer(context: TestContext, kind: EngineKind): Promise<Scene> {
  const scene = await answeredCall(context, kind);
  assert.match(scene.accepted.header('Allow') ?? '', /REFER.*NOTIFY/);
  return { ...scene, refer: (cseq, ...lines) => scene.send('REFER', { cseq, lines }) };
}

async function asked(call: SipCall): Promise<TransferRequest> {
  const [transfer] = await once(call, 'refer');
  return transfer;
}

const someone = 'Refer-To: <sip:200@pbx.test>';

onEachEngine(
  'an accepted REFER makes a subscription, and the outcome of the transfer ends it',
  async (context, kind) => {
    const { peer, call, refer } = await callToTransfer(context, kind);
    const heard = asked(call);
    refer(2, someone, 'Referred-By: <sip:boss@pbx.test>');
    const transfer = await heard;
    assert.equal(transfer.target, 'sip:200@pbx.test');
    assert.equal(transfer.replaces, undefined);
    assert.equal(transfer.referredBy, '<sip:boss@pbx.test>');
    transfer.accept();
    await peer.response(202, 'REFER');
    const trying = await peer.request('NOTIFY');
    assert.equal(trying.header('Event'), 'refer');
    assert.match(trying.header('Subscription-State') ?? '', /^active;expires=\d+$/);
    assert.match(trying.header('Content-Type') ?? '', /^message\/sipfrag/);
    assert.equal(trying.body, 'SIP/2.0 100 Trying\r\n');
    transfer.progress(486, 'Busy Here');
    peer.reply(trying, 200);
    const final = await peer.request('NOTIFY');
    assert.match(final.header('Subscription-State') ?? '', /^terminated/);
    assert.equal(final.body, 'SIP/2.0 486 Busy Here\r\n');
    peer.reply(final, 200);
    // Over: nothing more is told, and another transfer may be asked for.
    transfer.progress(200, 'OK');
    const again = asked(call);
    refer(3, someone);
    (await again).accept();
    await peer.response(202, 'REFER');
    assert.equal((await peer.request('NOTIFY')).header('Event'), 'refer;id=3');
  },
  { rfc: '3515 §2.4.4, §2.4.5, §2.4.6' },
);

onEachEngine(
  'the outcome of a transfer is told before the BYE',
  async (context, kind) => {
    const { peer, call, refer } = await callToTransfer(context, kind);
    const heard = asked(call);
    refer(2, someone);
    const transfer = await heard;
    transfer.accept();
    transfer.progress(200, 'OK');
    call.end(failure('hangup'));
    peer.reply(await peer.request('NOTIFY'), 200);
    const final = await peer.request('NOTIFY');
    assert.equal(final.body, 'SIP/2.0 200 OK\r\n');
    assert.ok(peer.received.every(({ method }) => method !== 'BYE'));
    peer.reply(final, 200);
    peer.reply(await peer.request('BYE'), 200);
  },
  { rfc: '3515 §2.4.4' },
);

onEachEngine(
  'a REFER with Refer-Sub: false is accepted and nothing is told',
  async (context, kind) => {
    const { peer, call, send, refer } = await callToTransfer(context, kind);
    const heard = asked(call);
    refer(2, someone, 'Refer-Sub: false');
    const transfer = await heard;
    transfer.accept();
    transfer.progress(200, 'OK');
    assert.equal((await peer.response(202, 'REFER')).header('Refer-Sub'), 'false');
    const info = once(call, 'info');
    send('INFO', { cseq: 3, ...digitInfo });
    await info;
    await peer.response(200, 'INFO');
    assert.ok(peer.received.every(({ method }) => method !== 'NOTIFY'));
  },
  { rfc: '4488 §4' },
);

onEachEngine(
  'a transfer that is not allowed is refused and the call goes on',
  async (context, kind) => {
    const { peer, call, send, refer } = await callToTransfer(context, kind);
    // Nobody listens.
    refer(2, someone);
    await peer.response(603, 'REFER');
    const heard = asked(call);
    refer(3, someone);
    (await heard).refuse(failure('destination-refused'));
    await peer.response(403, 'REFER');
    const info = once(call, 'info');
    send('INFO', { cseq: 4, ...digitInfo });
    await info;
  },
  { rfc: '3515 §2.4.2' },
);

onEachEngine(
  'a REFER without exactly one SIP URI that is safe to call is refused',
  async (context, kind) => {
    const { peer, call, refer } = await callToTransfer(context, kind);
    call.on('refer', () => assert.fail('a REFER got through'));
    const cases: [number, ...string[]][] = [
      [400],
      [400, someone, someone],
      [400, 'Refer-To: <sip:1@pbx.test>, <sip:2@pbx.test>'],
      [400, 'Refer-To: nonsense'],
      [400, 'Refer-To: <sip:1@pbx.test?Subject=x>'],
      [400, 'Refer-To: <sip:1@pbx.test?Replaces=a%0d%0aEvil:%20b%3Bto-tag%3D1%3Bfrom-tag%3D2>'],
      [400, 'Refer-To: <sip:1%0D%0AEvil@pbx.test>'],
      [400, 'Refer-To: <sip:1@pbx.test;method=BYE>'],
      [416, 'Refer-To: <tel:+4912345>'],
      [416, 'Refer-To: <http://pbx.test/>'],
    ];
    for (const [index, [status, ...lines]] of cases.entries()) {
      refer(index + 2, ...lines);
      const answer = await peer.next((message) => message.header('CSeq') === `${index + 2} REFER`);
      assert.equal(answer.status, status, lines.join());
    }
  },
  { rfc: '3515 §2.4.2, 3261 §19.1.5' },
);

onEachEngine(
  'a REFER names the dialog that the new call takes over',
  async (context, kind) => {
    const { call, refer } = await callToTransfer(context, kind);
    const heard = asked(call);
    refer(2, 'Refer-To: <sip:200@pbx.test?Replaces=c1%40x%3Bto-tag%3Da%3Bfrom-tag%3Db&Require=replaces>');
    const transfer = await heard;
    assert.equal(transfer.target, 'sip:200@pbx.test');
    assert.equal(transfer.replaces, 'c1@x;to-tag=a;from-tag=b');
    transfer.refuse(failure('phone-rejected'));
  },
  { rfc: '3891 §1' },
);

onEachEngine(
  'a REFER waits for its answer when the call ends: 487',
  async (context, kind) => {
    const { peer, call, send, refer } = await callToTransfer(context, kind);
    const heard = asked(call);
    refer(2, someone);
    const transfer = await heard;
    const over = ended(call);
    send('BYE', { cseq: 3 });
    await peer.response(487, 'REFER');
    await over;
    transfer.accept();
    transfer.progress(200, 'OK');
  },
  { rfc: '3261 §15.1.2' },
);

onEachEngine(
  'a second REFER while the first is under way is refused',
  async (context, kind) => {
    const { peer, call, refer } = await callToTransfer(context, kind);
    const heard = asked(call);
    refer(2, someone);
    (await heard).accept();
    await peer.response(202, 'REFER');
    refer(3, someone);
    await peer.response(491, 'REFER');
  },
  { rfc: '3515 §2.4.2' },
);

onEachEngine(
  'outside of a dialog REFER and NOTIFY are refused',
  async (context, kind) => {
    const { gateway, peer } = await engineAndPeer(context, kind);
    const options = { port: gateway.port, callId: `refer-stray-${kind}` };
    peer.send(peer.requestText('REFER', { ...options, lines: [someone] }), gateway.port);
    await peer.response(403, 'REFER');
    const lines = ['Event: refer', 'Subscription-State: active'];
    peer.send(peer.requestText('NOTIFY', { ...options, cseq: 2, lines }), gateway.port);
    await peer.response(481, 'NOTIFY');
    peer.send(
      peer.requestText('REFER', { ...options, cseq: 3, toTag: 'none', lines: [someone] }),
      gateway.port,
    );
    await peer.response(481, 'REFER');
  },
  { rfc: '3515 §2.4.2, 6665 §4.1.3', only: 'embedded' },
);

const notice = (state: string): string[] => [
  'Event: refer',
  `Subscription-State: ${state}`,
  'Content-Type: message/sipfrag',
];

/** `requestText` calls every body SDP. */
function notify(scene: Scene, cseq: number, state: string, body: string): void {
  const { peer, gateway, call } = scene;
  const options = { port: gateway.port, callId: call.callId, cseq, lines: notice(state) };
  const toTag = tagOf(peer.received.find(({ status }) => status === 200)?.header('To'));
  const text = peer.requestText('NOTIFY', { ...options, toTag, body });
  peer.send(text.replace('Content-Type: application/sdp\r\n', ''), gateway.port);
}

onEachEngine(
  'a REFER of ours resolves with what the NOTIFY says about the new call',
  async (context, kind) => {
    const scene = await callToTransfer(context, kind);
    const { peer, call } = scene;
    const outcome = call.refer('sip:300@pbx.test');
    const request = await peer.request('REFER');
    assert.equal(request.header('Refer-To'), '<sip:300@pbx.test>');
    peer.reply(request, 202);
    notify(scene, 2, 'active;expires=60', 'SIP/2.0 180 Ringing\r\n');
    await peer.response(200, 'NOTIFY');
    notify(scene, 3, 'terminated;reason=noresource', 'SIP/2.0 200 OK\r\n');
    await peer.next((message) => message.status === 200 && message.header('CSeq') === '3 NOTIFY');
    assert.deepEqual(await outcome, { ok: true, value: 200 });
    notify(scene, 4, 'active', 'SIP/2.0 200 OK\r\n');
    await peer.response(481, 'NOTIFY');
  },
  { rfc: '3515 §2.4.4, 6665 §4.1.3' },
);

onEachEngine(
  'a REFER of ours that is refused says why, and one that the end of the call overtakes ends too',
  async (context, kind) => {
    const { peer, call, send } = await callToTransfer(context, kind);
    const refused = call.refer('sip:300@pbx.test');
    peer.reply(await peer.request('REFER'), 603);
    const outcome = await refused;
    assert.equal(outcome.ok ? undefined : outcome.error.code, 'phone-rejected');
    const overtaken = call.refer('sip:300@pbx.test');
    peer.reply(await peer.request('REFER'), 202);
    send('BYE', { cseq: 2 });
    const end = await overtaken;
    assert.equal(end.ok ? undefined : end.error.code, 'hangup');
  },
  { rfc: '3515 §2.4.2' },
);
