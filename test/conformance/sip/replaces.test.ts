import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { someAccount } from '../../../src/config/account.fixture.ts';
import type { SipCall } from '../../../src/sip/engine.ts';
import { quickTimes, type TestEngineOptions } from '../../kit/sip-engine.ts';
import { type AnyEngine, type EngineKind, onEachEngine, startEngineOf } from '../../kit/sip-engines.ts';
import { type RawMessage, SipPeer, someSdp, tagOf } from '../../kit/sip-peer.ts';

interface Scene {
  readonly gateway: AnyEngine;
  readonly peer: SipPeer;
}

let calls = 0;

async function openScene(
  context: TestContext,
  kind: EngineKind,
  options: TestEngineOptions = {},
): Promise<Scene> {
  const gateway = await startEngineOf(kind, { times: quickTimes, ...options });
  const peer = await SipPeer.open();
  context.after(async () => {
    await gateway.stop();
    peer.close();
  });
  return { gateway, peer };
}

interface Running {
  readonly call: SipCall;
  /** Value of a Replaces header that means it. */
  readonly name: string;
}

async function runningCall({ gateway, peer }: Scene, uri?: string): Promise<Running> {
  calls += 1;
  const callId = `replaced-${calls}`;
  const about = { port: gateway.port, callId, ...(uri !== undefined && { uri }) };
  peer.send(peer.requestText('INVITE', { ...about, body: someSdp }), gateway.port);
  const call = await gateway.nextCall();
  call.answer(someSdp);
  const accepted = await peer.next(
    (message) => message.status === 200 && message.header('Call-ID') === callId,
  );
  assert.match(accepted.header('Supported') ?? '', /replaces/);
  const toTag = tagOf(accepted.header('To'));
  const answered = once(call, 'answered');
  peer.send(peer.requestText('ACK', { ...about, toTag }), gateway.port);
  await answered;
  return { call, name: `${callId};to-tag=${toTag};from-tag=caller` };
}

/** An INVITE with these Replaces headers; its final refusal is awaited with `refusal`. */
function replace({ gateway, peer }: Scene, values: readonly string[], uri?: string): string {
  calls += 1;
  const callId = `replacing-${calls}`;
  const lines = ['Require: replaces', ...values.map((value) => `Replaces: ${value}`)];
  const about = { port: gateway.port, callId, lines, ...(uri !== undefined && { uri }) };
  peer.send(peer.requestText('INVITE', { ...about, body: someSdp }), gateway.port);
  return callId;
}

async function refusal(scene: Scene, callId: string): Promise<RawMessage> {
  const { peer, gateway } = scene;
  const answer = await peer.next((message) => message.status >= 200 && message.header('Call-ID') === callId);
  const branch = /branch=([^;]+)/.exec(answer.header('Via') ?? '')?.[1] ?? '';
  const toTag = tagOf(answer.header('To'));
  peer.send(peer.requestText('ACK', { port: gateway.port, callId, branch, toTag }), gateway.port);
  return answer;
}

onEachEngine(
  'an INVITE with Replaces brings the call that it replaces',
  async (context, kind) => {
    const scene = await openScene(context, kind);
    const { call, name } = await runningCall(scene);
    replace(scene, [name]);
    const next = await scene.gateway.nextCall();
    assert.equal(next.replaces, call);
    assert.equal(call.replaces, undefined);
  },
  { rfc: '3891 §3' },
);

onEachEngine(
  'an INVITE with Replaces brings a call that we placed',
  async (context, kind) => {
    const scene = await openScene(context, kind);
    const { gateway, peer } = scene;
    const account = { ...gateway.account, server: '127.0.0.1', port: peer.port };
    const options = { account, sdp: someSdp, headers: [], noAnswerSeconds: 10 };
    const call = gateway.engine.invite(`sip:200@127.0.0.1:${peer.port}`, options);
    const invite = await peer.request('INVITE');
    const answered = once(call, 'answered');
    peer.reply(invite, 200, { body: someSdp });
    await answered;
    const ourTag = tagOf(invite.header('From'));
    replace(scene, [`${call.callId};to-tag=${ourTag};from-tag=peer`]);
    assert.equal((await gateway.nextCall()).replaces, call);
  },
  { rfc: '3891 §3' },
);

/** Where nobody has picked up yet: the value of a Replaces header that means the dialog of this phone. */
async function ringingCall({ gateway, peer }: Scene): Promise<Running & { readonly invite: RawMessage }> {
  const account = { ...gateway.account, server: '127.0.0.1', port: peer.port };
  const options = { account, sdp: someSdp, headers: [], noAnswerSeconds: 10 };
  const call = gateway.engine.invite(`sip:200@127.0.0.1:${peer.port}`, options);
  const invite = await peer.request('INVITE');
  for (const tag of ['desk', 'mobile']) {
    const ringing = once(call, 'ringing');
    peer.reply(invite, 180, { tag });
    await ringing;
  }
  const ourTag = tagOf(invite.header('From'));
  return { call, invite, name: `${call.callId};to-tag=${ourTag};from-tag=mobile` };
}

onEachEngine(
  'an INVITE with Replaces picks up a call that we placed and nobody has answered: that one gets CANCEL',
  async (context, kind) => {
    for (const suffix of ['', ';early-only']) {
      const scene = await openScene(context, kind);
      const { gateway, peer } = scene;
      const { call, invite, name } = await ringingCall(scene);
      const callId = replace(scene, [`${name}${suffix}`]);
      const next = await gateway.nextCall();
      assert.equal(next.replaces, call);
      next.answer(someSdp);
      call.end({ code: 'hangup' });
      peer.reply(await peer.request('CANCEL'), 200);
      peer.reply(invite, 487, { tag: 'mobile' });
      assert.ok(peer.received.some(({ status, header }) => status === 200 && header('Call-ID') === callId));
    }
  },
  { rfc: '3891 §3' },
);

onEachEngine(
  'a call that we placed and that failed, or where another phone rings, is not picked up: 481',
  async (context, kind) => {
    const scene = await openScene(context, kind);
    const { call, invite, name } = await ringingCall(scene);
    const elsewhere = name.replace('from-tag=mobile', 'from-tag=kitchen');
    assert.equal((await refusal(scene, replace(scene, [elsewhere]))).status, 481);
    const over = once(call, 'ended');
    scene.peer.reply(invite, 486, { tag: 'mobile' });
    await over;
    assert.equal((await refusal(scene, replace(scene, [name]))).status, 481);
  },
  { rfc: '3891 §3' },
);

onEachEngine(
  'Replaces of an unknown dialog, of turned tags, of an ended call: 481',
  async (context, kind) => {
    const scene = await openScene(context, kind);
    const { call, name } = await runningCall(scene);
    const turned = name.replace('to-tag', 'x-tag').replace('from-tag', 'to-tag').replace('x-tag', 'from-tag');
    for (const value of ['nobody;to-tag=a;from-tag=b', turned]) {
      assert.equal((await refusal(scene, replace(scene, [value]))).status, 481, value);
    }
    call.end({ code: 'hangup' });
    scene.peer.reply(await scene.peer.request('BYE'), 200);
    assert.equal((await refusal(scene, replace(scene, [name]))).status, 481);
  },
  { rfc: '3891 §3' },
);

onEachEngine(
  'Replaces of a call that is not answered yet, by the caller: 481',
  async (context, kind) => {
    const scene = await openScene(context, kind);
    const { gateway, peer } = scene;
    calls += 1;
    const callId = `early-${calls}`;
    peer.send(peer.requestText('INVITE', { port: gateway.port, callId, body: someSdp }), gateway.port);
    (await gateway.nextCall()).ring();
    const tag = tagOf((await peer.response(180)).header('To'));
    const value = `${callId};to-tag=${tag};from-tag=caller`;
    assert.equal((await refusal(scene, replace(scene, [value]))).status, 481);
  },
  { rfc: '3891 §3' },
);

onEachEngine(
  'Replaces of an answered call with early-only: 486',
  async (context, kind) => {
    const scene = await openScene(context, kind);
    const { name } = await runningCall(scene);
    assert.equal((await refusal(scene, replace(scene, [`${name};early-only`]))).status, 486);
  },
  { rfc: '3891 §3' },
);

onEachEngine(
  'several Replaces, and one that is none: 400',
  async (context, kind) => {
    const scene = await openScene(context, kind);
    const { name } = await runningCall(scene);
    for (const values of [[name, name], ['x'], ['x;to-tag=1']]) {
      assert.equal((await refusal(scene, replace(scene, values))).status, 400, values.join());
    }
  },
  { rfc: '3891 §3' },
);

onEachEngine(
  'a call of another account cannot be taken over',
  async (context, kind) => {
    const other = { ...someAccount, name: 'other', user: 'other' };
    const scene = await openScene(context, kind, { others: [other] });
    const { name } = await runningCall(scene);
    const uri = `sip:other@127.0.0.1:${scene.gateway.port}`;
    assert.equal((await refusal(scene, replace(scene, [name], uri))).status, 481);
    const { call, name: own } = await runningCall(scene, uri);
    assert.equal(call.account.name, 'other');
    replace(scene, [own], uri);
    assert.equal((await scene.gateway.nextCall()).replaces, call);
  },
  { rfc: '3891 §5' },
);

onEachEngine(
  'an INVITE of ours carries Replaces and Referred-By',
  async (context, kind) => {
    const { gateway, peer } = await openScene(context, kind);
    const account = { ...gateway.account, server: '127.0.0.1', port: peer.port };
    const takeover = { replaces: 'c@x;to-tag=1;from-tag=2', referredBy: '<sip:boss@pbx.test>' };
    const options = { account, sdp: someSdp, headers: [], noAnswerSeconds: 10, ...takeover };
    const target = `sip:200@127.0.0.1:${peer.port}`;
    gateway.engine.invite(target, options);
    const invite = await peer.request('INVITE');
    assert.equal(invite.header('Replaces'), takeover.replaces);
    assert.equal(invite.header('Require'), 'replaces');
    assert.equal(invite.header('Referred-By'), takeover.referredBy);
    peer.reply(invite, 486);
    assert.throws(() => gateway.engine.invite(target, { ...options, replaces: 'x\r\nEvil: 1' }), TypeError);
  },
  { rfc: '3891 §4, 3892 §3' },
);
