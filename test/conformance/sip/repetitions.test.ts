import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { quickTimes } from '../../kit/sip-engine.ts';
import { type AnyEngine, type EngineKind, onEachEngine, startEngineOf } from '../../kit/sip-engines.ts';
import { SipPeer, someSdp, tagOf } from '../../kit/sip-peer.ts';
import { until } from '../../kit/until.ts';

interface Scene {
  readonly gateway: AnyEngine;
  readonly peer: SipPeer;
  /** Of the gateway. */
  readonly tag: string;
  readonly invite: string;
  /** Calls that the gateway was offered. */
  calls(): number;
  send(text: string): void;
  text(method: string, options?: { branch?: string; toTag?: string; cseq?: number; body?: string }): string;
}

const branch = 'z9hG4bKfirst';

/** An incoming call, answered and acknowledged: its INVITE has nothing left to do. */
async function acknowledgedCall(context: TestContext, kind: EngineKind): Promise<Scene> {
  const gateway = await startEngineOf(kind, { times: quickTimes });
  const peer = await SipPeer.open();
  context.after(async () => {
    await gateway.stop();
    peer.close();
  });
  let calls = 0;
  gateway.engine.on('invite', () => {
    calls += 1;
  });
  const send = (text: string): void => peer.send(text, gateway.port);
  const text: Scene['text'] = (method, options) =>
    peer.requestText(method, { port: gateway.port, callId: 'done', ...options });
  const invite = text('INVITE', { branch, body: someSdp });
  send(invite);
  const call = await gateway.nextCall();
  call.answer(someSdp);
  const tag = tagOf((await peer.response(200)).header('To')) ?? '';
  const answered = once(call, 'answered');
  send(text('ACK', { toTag: tag }));
  await answered;
  return { gateway, peer, tag, invite, calls: () => calls, send, text };
}

/** What the gateway has said once everything that was sent before is dealt with. */
async function answersOf({ peer, send, text }: Scene): Promise<string[]> {
  send(text('OPTIONS', { cseq: 9 }));
  await peer.response(200, 'OPTIONS');
  return peer.received.map(({ status, header }) => `${status} ${header('CSeq')}`);
}

onEachEngine(
  'an INVITE that comes again after the ACK makes no call and is not answered',
  async (context, kind) => {
    const scene = await acknowledgedCall(context, kind);
    const before = await answersOf(scene);
    scene.send(scene.invite);
    assert.deepEqual((await answersOf(scene)).slice(before.length), ['200 9 OPTIONS']);
    assert.equal(scene.calls(), 1);
  },
  { rfc: '6026 §7.1', only: 'embedded' },
);

onEachEngine(
  'a copy of the INVITE on another path gets 482 after the ACK too',
  async (context, kind) => {
    const scene = await acknowledgedCall(context, kind);
    scene.send(scene.text('INVITE', { branch: 'z9hG4bKsecond', body: someSdp }));
    await scene.peer.response(482);
    assert.equal(scene.calls(), 1);
  },
  { rfc: '3261 §8.2.2.2', only: 'embedded' },
);

onEachEngine(
  'a CANCEL that comes after the ACK gets 200 with the tag of the answers, and has no effect',
  async (context, kind) => {
    const scene = await acknowledgedCall(context, kind);
    scene.send(scene.text('CANCEL', { branch }));
    assert.equal(tagOf((await scene.peer.response(200, 'CANCEL')).header('To')), scene.tag);
    assert.equal(scene.gateway.engine.occupancy().calls, 1);
  },
  { rfc: '3261 §9.2', only: 'embedded' },
);

onEachEngine(
  'a BYE that comes again gets the very answer that it got, until its time is over; then nothing is left',
  async (context, kind) => {
    const { gateway, peer, tag, send, text } = await acknowledgedCall(context, kind);
    const bye = text('BYE', { toTag: tag, cseq: 2 });
    send(bye);
    const first = await peer.response(200, 'BYE');
    send(bye);
    assert.equal((await peer.response(200, 'BYE')).text, first.text);
    await until('nothing is left', () => Object.values(gateway.engine.occupancy()).every((n) => n === 0));
    send(bye);
    await peer.response(481, 'BYE');
  },
  { rfc: '3261 §17.2.2', only: 'embedded', quick: true },
);
