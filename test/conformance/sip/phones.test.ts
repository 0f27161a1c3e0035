import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { ok } from '../../../src/errors.ts';
import type { LocalAudio } from '../../../src/sip/audio-session.ts';
import type { SipCall } from '../../../src/sip/engine.ts';
import { answerOffer, writeOffer } from '../../../src/sip/offer-answer.ts';
import { startBaresip } from '../../kit/baresip.ts';
import { startLinphone } from '../../kit/linphone.ts';
import { ended } from '../../kit/sip-engine.ts';
import { type AnyEngine, type EngineKind, onEachEngine, startEngineOf } from '../../kit/sip-engines.ts';

const local: LocalAudio = {
  address: '127.0.0.1',
  rtpPort: 40_000,
  codecs: ['PCMU'],
  sessionId: 7,
  version: 1,
};

async function gatewayFor(context: TestContext, kind: EngineKind, port = 9): Promise<AnyEngine> {
  const gateway = await startEngineOf(kind, { account: { port } });
  context.after(() => gateway.stop());
  return gateway;
}

/** Takes an incoming call with a real answer. */
async function answered(call: SipCall): Promise<void> {
  const answer = answerOffer(call.offer ?? '', local);
  assert.ok(answer.ok);
  const acknowledged = once(call, 'answered');
  call.ring();
  call.answer(answer.value.sdp);
  await acknowledged;
}

/** Answers the next offer of the phone; our direction after it. */
async function nextDirection(call: SipCall): Promise<string> {
  const [sdp, respond] = await once(call, 'reoffer');
  const answer = answerOffer(sdp, local);
  assert.ok(answer.ok);
  respond(ok(answer.value.sdp));
  return answer.value.audio.direction;
}

onEachEngine(
  'baresip calls, holds, resumes and hangs up',
  async (context, kind) => {
    const gateway = await gatewayFor(context, kind);
    const phone = await startBaresip({ user: 'phone' });
    context.after(() => phone.stop());
    await phone.dial(`sip:room@127.0.0.1:${gateway.port}`);
    const call = await gateway.nextCall();
    await answered(call);
    await phone.event('CALL_ESTABLISHED');
    for (const [act, direction] of [
      [() => phone.hold(), 'recvonly'],
      [() => phone.resume(), 'sendrecv'],
    ] as const) {
      const offered = nextDirection(call);
      await act();
      assert.equal(await offered, direction);
    }
    const over = ended(call);
    await phone.hangup();
    assert.equal((await over).code, 'hangup');
  },
  { rfc: '3264 §8.4' },
);

onEachEngine(
  'baresip is called, answers, is put on hold and hung up',
  async (context, kind) => {
    const phone = await startBaresip({ user: 'phone' });
    context.after(() => phone.stop());
    const { engine, account } = await gatewayFor(context, kind, phone.port);
    const call = engine.invite(`sip:phone@127.0.0.1:${phone.port}`, {
      account,
      sdp: writeOffer(local),
      headers: [],
      noAnswerSeconds: 20,
    });
    await once(call, 'answered');
    const held = await call.reinvite(writeOffer({ ...local, direction: 'sendonly', version: 2 }));
    assert.match(held.ok ? held.value : JSON.stringify(held), /a=recvonly/);
    const closed = phone.event('CALL_CLOSED');
    const over = ended(call);
    call.end({ code: 'hangup' });
    await Promise.all([closed, over]);
  },
  { rfc: '3264 §8.4' },
);

onEachEngine(
  'linphone calls, holds, resumes and hangs up',
  async (context, kind) => {
    const gateway = await gatewayFor(context, kind);
    const phone = await startLinphone('phone');
    context.after(() => phone.stop());
    await phone.dial(`sip:room@127.0.0.1:${gateway.port}`);
    const call = await gateway.nextCall();
    await answered(call);
    await phone.state('StreamsRunning');
    const held = nextDirection(call);
    await phone.hold();
    assert.ok(['recvonly', 'inactive'].includes(await held));
    await phone.state('Paused');
    const resumed = nextDirection(call);
    await phone.resume();
    assert.equal(await resumed, 'sendrecv');
    await phone.state('StreamsRunning');
    const over = ended(call);
    await phone.hangup();
    assert.equal((await over).code, 'hangup');
  },
  { rfc: '3264 §8.4' },
);
