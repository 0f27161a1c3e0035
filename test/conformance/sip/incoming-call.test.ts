import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { ended, quickTimes } from '../../kit/sip-engine.ts';
import { type AnyEngine, type EngineKind, onEachEngine, startEngineOf } from '../../kit/sip-engines.ts';
import { type RawMessage, type RequestText, SipPeer, someSdp, tagOf } from '../../kit/sip-peer.ts';

interface Scene {
  readonly gateway: AnyEngine;
  readonly peer: SipPeer;
}

async function scene(context: TestContext, kind: EngineKind): Promise<Scene> {
  const gateway = await startEngineOf(kind, { times: quickTimes });
  const peer = await SipPeer.open();
  context.after(async () => {
    await gateway.stop();
    peer.close();
  });
  return { gateway, peer };
}

function ack(peer: SipPeer, gateway: AnyEngine, callId: string, ok: RawMessage, body?: string): void {
  const toTag = tagOf(ok.header('To'));
  peer.send(
    peer.requestText('ACK', { port: gateway.port, callId, toTag, ...(body && { body }) }),
    gateway.port,
  );
}

onEachEngine(
  'a caller hears 100, 180 and 200 with our SDP, and may hang up',
  async (context, kind) => {
    const { gateway, peer } = await scene(context, kind);
    const callId = 'basic';
    peer.send(
      peer.requestText('INVITE', {
        port: gateway.port,
        callId,
        body: someSdp,
        lines: ['jitsi-conference-ROOM: réunion', 'Subject: a', ' folded line'],
      }),
      gateway.port,
    );
    const call = await gateway.nextCall();
    assert.equal(call.direction, 'in');
    assert.equal(call.offer, someSdp);
    assert.equal(call.header('Jitsi-Conference-Room'), 'réunion');
    assert.equal(call.header('s'), undefined);
    assert.equal(call.header('subject'), 'a folded line');
    assert.deepEqual(call.remote, {
      uri: `sip:caller@127.0.0.1:${peer.port}`,
      user: 'caller',
      displayName: 'Peer',
    });
    await peer.response(100);
    call.ring();
    const ringing = await peer.response(180);
    call.answer(someSdp);
    const ok = await peer.response(200);
    assert.equal(ok.body, someSdp);
    assert.equal(ok.header('Contact'), `<sip:room@127.0.0.1:${gateway.port}>`);
    assert.equal(tagOf(ok.header('To')), tagOf(ringing.header('To')));
    assert.equal(ok.header('User-Agent') ?? ok.header('Server'), undefined);
    const answered = once(call, 'answered');
    ack(peer, gateway, callId, ok);
    assert.deepEqual(await answered, [undefined]);
    const over = ended(call);
    const toTag = tagOf(ok.header('To'));
    const bye = peer.requestText('BYE', {
      port: gateway.port,
      callId,
      toTag,
      cseq: 2,
      lines: ['Reason: Q.850;cause=16;text="Normal call clearing"'],
    });
    peer.send(bye, gateway.port);
    await peer.response(200, 'BYE');
    assert.deepEqual(await over, { code: 'hangup', detail: 'Normal call clearing' });
    // The answer to the BYE was lost: its retransmission must get 200 again, not 481.
    peer.send(bye, gateway.port);
    await peer.response(200, 'BYE');
  },
  { rfc: '3261 §13.3.1' },
);

onEachEngine(
  'early media: a caller that does not know 100rel gets 183 with our SDP, and the same in the 200',
  async (context, kind) => {
    const { gateway, peer } = await scene(context, kind);
    peer.send(
      peer.requestText('INVITE', { port: gateway.port, callId: 'early', body: someSdp }),
      gateway.port,
    );
    const call = await gateway.nextCall();
    assert.equal(call.takesEarlyMedia, true);
    call.early(someSdp);
    const progress = await peer.response(183);
    assert.equal(progress.body, someSdp);
    assert.equal(progress.header('Content-Type'), 'application/sdp');
    assert.ok(progress.header('Contact'));
    call.answer(someSdp);
    const accepted = await peer.response(200);
    assert.equal(accepted.body, someSdp);
    assert.equal(tagOf(accepted.header('To')), tagOf(progress.header('To')));
    ack(peer, gateway, 'early', accepted);
  },
  { rfc: '3960 §3.1' },
);

onEachEngine(
  'CANCEL during early media ends the call with 487, a refusal after it is the call’s own',
  async (context, kind) => {
    const { gateway, peer } = await scene(context, kind);
    const [first, second] = ['early-cancelled', 'early-refused'].map((callId) => {
      const branch = `z9hG4bK${callId}`;
      return { port: gateway.port, callId, branch, fromTag: callId };
    }) as [RequestText, RequestText];
    for (const [options, end] of [
      [first, 487],
      [second, 403],
    ] as const) {
      peer.send(peer.requestText('INVITE', { ...options, body: someSdp }), gateway.port);
      const call = await gateway.nextCall();
      call.early(someSdp);
      await peer.response(183);
      const over = ended(call);
      if (end === 487) peer.send(peer.requestText('CANCEL', options), gateway.port);
      else call.end({ code: 'room-password' });
      await peer.response(end, 'INVITE');
      peer.send(peer.requestText('ACK', options), gateway.port);
      assert.equal((await over).code, end === 487 ? 'cancelled' : 'room-password');
    }
  },
  { rfc: '3261 §9.2, 3960 §3.1' },
);

onEachEngine(
  'a retransmitted INVITE is one call, and gets the last response again',
  async (context, kind) => {
    const { gateway, peer } = await scene(context, kind);
    let calls = 0;
    gateway.engine.on('invite', () => {
      calls += 1;
    });
    const invite = peer.requestText('INVITE', { port: gateway.port, callId: 'again', body: someSdp });
    peer.send(invite, gateway.port);
    const call = await gateway.nextCall();
    call.ring();
    await peer.response(180);
    peer.send(invite, gateway.port);
    await peer.response(180);
    assert.equal(calls, 1);
    call.end({ code: 'over-capacity' });
    const refused = await peer.response(503);
    assert.match(refused.header('Retry-After') ?? '', /^\d+$/);
  },
  { rfc: '3261 §17.2.1' },
);

onEachEngine(
  'a refused INVITE is refused again until the ACK comes (timer G)',
  async (context, kind) => {
    const { gateway, peer } = await scene(context, kind);
    const branch = 'z9hG4bKrefused';
    peer.send(
      peer.requestText('INVITE', { port: gateway.port, callId: 'g', branch, body: someSdp }),
      gateway.port,
    );
    const call = await gateway.nextCall();
    const over = ended(call);
    call.end({ code: 'no-room' });
    const first = await peer.response(404);
    assert.match(first.startLine, /No room named/);
    await peer.response(404);
    peer.send(
      peer.requestText('ACK', { port: gateway.port, callId: 'g', branch, toTag: tagOf(first.header('To')) }),
      gateway.port,
    );
    assert.equal((await over).code, 'no-room');
  },
  { rfc: '3261 §17.2.1' },
);

onEachEngine(
  'CANCEL ends an unanswered call with 487',
  async (context, kind) => {
    const { gateway, peer } = await scene(context, kind);
    const options = { port: gateway.port, callId: 'cancel', branch: 'z9hG4bKcancel' };
    peer.send(peer.requestText('INVITE', { ...options, body: someSdp }), gateway.port);
    const call = await gateway.nextCall();
    const over = ended(call);
    call.ring();
    await peer.response(180);
    peer.send(
      peer.requestText('CANCEL', {
        ...options,
        lines: ['Reason: SIP;cause=200;text="Call completed elsewhere"'],
      }),
      gateway.port,
    );
    await peer.response(200, 'CANCEL');
    const terminated = await peer.response(487);
    assert.deepEqual(await over, { code: 'cancelled', detail: 'Call completed elsewhere' });
    peer.send(peer.requestText('ACK', { ...options, toTag: tagOf(terminated.header('To')) }), gateway.port);
    call.answer(someSdp);
    call.ring();
  },
  { rfc: '3261 §9.2' },
);

onEachEngine(
  'a CANCEL that comes after the 200 changes nothing',
  async (context, kind) => {
    const { gateway, peer } = await scene(context, kind);
    const options = { port: gateway.port, callId: 'late', branch: 'z9hG4bKlate' };
    peer.send(peer.requestText('INVITE', { ...options, body: someSdp }), gateway.port);
    const call = await gateway.nextCall();
    call.answer(someSdp);
    const ok = await peer.response(200, 'INVITE');
    peer.send(peer.requestText('CANCEL', options), gateway.port);
    await peer.response(200, 'CANCEL');
    const answered = once(call, 'answered');
    ack(peer, gateway, 'late', ok);
    await answered;
  },
  { rfc: '3261 §9.2', only: 'embedded' },
);

onEachEngine(
  'the 200 is repeated until its ACK comes',
  async (context, kind) => {
    const { gateway, peer } = await scene(context, kind);
    peer.send(
      peer.requestText('INVITE', { port: gateway.port, callId: 'lost', body: someSdp }),
      gateway.port,
    );
    const call = await gateway.nextCall();
    call.answer(someSdp);
    await peer.response(200);
    const again = await peer.response(200);
    const answered = once(call, 'answered');
    ack(peer, gateway, 'lost', again);
    await answered;
  },
  { rfc: '3261 §13.3.1.4' },
);

onEachEngine(
  'an answer that is never acknowledged ends in BYE',
  async (context, kind) => {
    const { gateway, peer } = await scene(context, kind);
    peer.send(
      peer.requestText('INVITE', { port: gateway.port, callId: 'noack', body: someSdp }),
      gateway.port,
    );
    const call = await gateway.nextCall();
    const over = ended(call);
    call.answer(someSdp);
    const bye = await peer.request('BYE');
    if (kind === 'embedded')
      assert.match(bye.header('Reason') ?? '', /^SIP;cause=408;text="The answer was never acknowledged"$/);
    else assert.match(bye.header('Reason') ?? '', /"ACK timeout"/);
    peer.reply(bye, 200);
    assert.equal((await over).code, 'no-ack');
  },
  { rfc: '3261 §13.3.1.4', quick: true },
);

onEachEngine(
  'BYE waits for the ACK',
  async (context, kind) => {
    const { gateway, peer } = await scene(context, kind);
    peer.send(
      peer.requestText('INVITE', { port: gateway.port, callId: 'wait', body: someSdp }),
      gateway.port,
    );
    const call = await gateway.nextCall();
    const over = ended(call);
    call.answer(someSdp);
    const ok = await peer.response(200);
    call.end({ code: 'kicked' });
    assert.equal((await over).code, 'kicked');
    assert.ok(!peer.received.some((message) => message.method === 'BYE'));
    ack(peer, gateway, 'wait', ok);
    const bye = await peer.request('BYE');
    assert.match(bye.header('Reason') ?? '', /cause=603/);
    peer.reply(bye, 200);
  },
  { rfc: '3261 §15' },
);

onEachEngine(
  'an offerless INVITE gets our offer in the 200; the answer comes with the ACK',
  async (context, kind) => {
    const { gateway, peer } = await scene(context, kind);
    peer.send(peer.requestText('INVITE', { port: gateway.port, callId: 'offerless' }), gateway.port);
    const call = await gateway.nextCall();
    assert.equal(call.offer, undefined);
    call.ring();
    call.answer(someSdp);
    const ok = await peer.response(200);
    assert.equal(ok.body, someSdp);
    const answered = once(call, 'answered');
    const answer = someSdp.replace('40000', '40002');
    ack(peer, gateway, 'offerless', ok, answer);
    assert.deepEqual(await answered, [answer]);
  },
  { rfc: '3261 §13.2.1' },
);

onEachEngine(
  'a caller that requires 100rel gets no unreliable 180, and its 200 although it acknowledges nothing',
  async (context, kind) => {
    const { gateway, peer } = await scene(context, kind);
    peer.send(
      peer.requestText('INVITE', {
        port: gateway.port,
        callId: 'rel',
        body: someSdp,
        lines: ['Require: 100rel'],
      }),
      gateway.port,
    );
    const call = await gateway.nextCall();
    call.ring();
    call.answer(someSdp);
    await peer.response(200);
    const ringing = peer.received.filter((message) => message.status === 180);
    assert.ok(ringing.every((message) => message.header('Require') === '100rel'));
  },
  { rfc: '3262 §3' },
);

onEachEngine(
  'BYE before the answer ends the call and its INVITE',
  async (context, kind) => {
    const { gateway, peer } = await scene(context, kind);
    peer.send(
      peer.requestText('INVITE', { port: gateway.port, callId: 'earlybye', body: someSdp }),
      gateway.port,
    );
    const call = await gateway.nextCall();
    const over = ended(call);
    call.ring();
    const ringing = await peer.response(180);
    const toTag = tagOf(ringing.header('To'));
    peer.send(
      peer.requestText('BYE', { port: gateway.port, callId: 'earlybye', toTag, cseq: 2 }),
      gateway.port,
    );
    await peer.response(200, 'BYE');
    await peer.response(487, 'INVITE');
    assert.equal((await over).code, 'hangup');
  },
  { rfc: '3261 §15.1.2', only: 'embedded' },
);

onEachEngine(
  'the same INVITE on a second path gets 482',
  async (context, kind) => {
    const { gateway, peer } = await scene(context, kind);
    const options = { port: gateway.port, callId: 'merged', body: someSdp };
    peer.send(peer.requestText('INVITE', options), gateway.port);
    await gateway.nextCall();
    peer.send(peer.requestText('INVITE', options), gateway.port);
    await peer.response(482);
  },
  { rfc: '3261 §8.2.2.2' },
);

onEachEngine(
  'stop refuses what rings, hangs up what was answered, and leaves nothing',
  async (_context, kind) => {
    const gateway = await startEngineOf(kind, { times: quickTimes });
    const peer = await SipPeer.open();
    peer.send(peer.requestText('INVITE', { port: gateway.port, callId: 'one', body: someSdp }), gateway.port);
    (await gateway.nextCall()).ring();
    peer.send(peer.requestText('INVITE', { port: gateway.port, callId: 'two', body: someSdp }), gateway.port);
    const answered = await gateway.nextCall();
    answered.answer(someSdp);
    const acknowledged = once(answered, 'answered');
    ack(peer, gateway, 'two', await peer.response(200));
    await acknowledged;
    const stopped = gateway.stop();
    await peer.response(503);
    const bye = await peer.request('BYE');
    peer.reply(bye, 200);
    await stopped;
    assert.deepEqual(gateway.engine.occupancy(), { calls: 0, dialogs: 0, transactions: 0 });
    peer.close();
  },
  { rfc: '3261 §15' },
);
