import assert from 'node:assert/strict';
import { once } from 'node:events';
import { fail, ok, type Result } from '../../../src/errors.ts';
import type { SipCall } from '../../../src/sip/engine.ts';
import { answeredCall, digitInfo } from '../../kit/answered-call.ts';
import { ended } from '../../kit/sip-engine.ts';
import { onEachEngine } from '../../kit/sip-engines.ts';
import { someSdp } from '../../kit/sip-peer.ts';
import { until } from '../../kit/until.ts';

async function reoffer(call: SipCall): Promise<[string | undefined, (answer: Result<string>) => void]> {
  const [sdp, respond] = await once(call, 'reoffer');
  return [sdp, respond];
}

onEachEngine(
  'a re-INVITE without Contact is answered, and the target stays what it was',
  async (context, kind) => {
    const { gateway, peer, call, send } = await answeredCall(context, kind);
    const offered = reoffer(call);
    const text = send('INVITE', { cseq: 2, body: someSdp, branch: 'z9hG4bKwhole' });
    (await offered)[1](ok(someSdp));
    await peer.response(200, 'INVITE');
    send('ACK', { cseq: 2 });
    const again = reoffer(call);
    const bare = text
      .replace(/Contact: .*\r\n/, '')
      .replace('whole', 'bare')
      .replaceAll('2 INVITE', '3 INVITE');
    peer.send(bare, gateway.port);
    (await again)[1](ok(someSdp));
    await peer.next((message) => message.status === 200 && message.header('CSeq') === '3 INVITE');
    send('ACK', { cseq: 3 });
    call.end({ code: 'hangup' });
    assert.match(
      (await peer.request('BYE')).startLine,
      new RegExp(`^BYE sip:caller@127.0.0.1:${peer.port} `),
    );
  },
  { rfc: '3261 §12.2.2' },
);

const held = someSdp.replace('RTP/AVP 0\r\n', 'RTP/AVP 0\r\na=sendonly\r\n');

onEachEngine(
  'hold: the re-INVITE is answered by the call, once',
  async (context, kind) => {
    const { peer, call, send, gateway } = await answeredCall(context, kind);
    const offered = reoffer(call);
    const text = send('INVITE', { cseq: 2, body: held });
    const [sdp, respond] = await offered;
    assert.equal(sdp, held);
    respond(ok(someSdp));
    respond(fail('no-common-codec'));
    const accepted = await peer.next(
      (message) => message.status === 200 && message.header('CSeq') === '2 INVITE',
    );
    assert.equal(accepted.body, someSdp);
    assert.ok(accepted.header('Contact')?.includes(`:${gateway.port}`));
    // Retransmitted before the ACK: the 200 again, no second offer.
    peer.send(text, gateway.port);
    await peer.next((message) => message.status === 200 && message.header('CSeq') === '2 INVITE');
    send('ACK', { cseq: 2 });
  },
  { rfc: '3261 §14.2, 3264 §8.4' },
);

onEachEngine(
  'a re-INVITE that does not fit is refused and the call goes on',
  async (context, kind) => {
    const { peer, call, send } = await answeredCall(context, kind);
    const offered = reoffer(call);
    send('INVITE', { cseq: 2, body: held, branch: 'z9hG4bK488' });
    (await offered)[1](fail('no-common-codec'));
    await peer.response(488);
    send('ACK', { cseq: 2, branch: 'z9hG4bK488' });
    const info = once(call, 'info');
    send('INFO', { cseq: 3, ...digitInfo });
    await info;
  },
  { rfc: '3261 §14.2' },
);

onEachEngine(
  'a re-INVITE without offer gets our offer, and the answer comes with the ACK',
  async (context, kind) => {
    const { peer, call, send } = await answeredCall(context, kind);
    const offered = reoffer(call);
    send('INVITE', { cseq: 2 });
    const [sdp, respond] = await offered;
    assert.equal(sdp, undefined);
    respond(ok(someSdp));
    await peer.next((message) => message.status === 200 && message.header('CSeq') === '2 INVITE');
    const answered = once(call, 'reanswered');
    send('ACK', { cseq: 2, body: held });
    assert.deepEqual(await answered, [held]);
  },
  { rfc: '3261 §14.2' },
);

onEachEngine(
  'a re-INVITE whose 200 is never acknowledged ends the call',
  async (context, kind) => {
    const { peer, call, send } = await answeredCall(context, kind);
    const offered = reoffer(call);
    send('INVITE', { cseq: 2, body: held });
    (await offered)[1](ok(someSdp));
    const over = ended(call);
    const bye = await peer.request('BYE');
    peer.reply(bye, 200);
    assert.equal((await over).code, 'no-ack');
  },
  { rfc: '3261 §14.2', quick: true },
);

onEachEngine(
  'glare: while our offer is out the peer gets 491, also again, and ours is tried again after its 491',
  async (context, kind) => {
    const { peer, call, send, gateway } = await answeredCall(context, kind);
    const outcome = call.reinvite(someSdp);
    const ours = await peer.request('INVITE');
    const text = send('INVITE', { cseq: 2, body: held, branch: 'z9hG4bKglare' });
    await peer.response(491);
    peer.send(text, gateway.port);
    await peer.response(491);
    send('ACK', { cseq: 2, branch: 'z9hG4bKglare' });
    peer.reply(ours, 491);
    const again = await peer.next(
      (message) => message.method === 'INVITE' && message.header('CSeq') === '2 INVITE',
    );
    peer.reply(again, 200, { body: held });
    assert.deepEqual(await outcome, ok(held));
    const ack = await peer.next((message) => message.method === 'ACK' && message.header('CSeq') === '2 ACK');
    assert.equal(ack.body, '');
  },
  { rfc: '3261 §14.1' },
);

onEachEngine(
  'a re-INVITE while the last one is unanswered gets 500 and Retry-After',
  async (context, kind) => {
    const { peer, call, send } = await answeredCall(context, kind);
    const offered = reoffer(call);
    send('INVITE', { cseq: 2, body: held });
    const [, respond] = await offered;
    send('INVITE', { cseq: 3, body: held });
    const refused = await peer.response(500);
    assert.match(refused.header('Retry-After') ?? '', /^\d+$/);
    respond(ok(someSdp));
    await peer.next((message) => message.status === 200 && message.header('CSeq') === '2 INVITE');
    send('ACK', { cseq: 2 });
  },
  { rfc: '3261 §14.2' },
);

onEachEngine(
  'our re-INVITE that is refused leaves the call up',
  async (context, kind) => {
    const { peer, call, send } = await answeredCall(context, kind);
    const outcome = call.reinvite(someSdp);
    const ours = await peer.request('INVITE');
    assert.ok(ours.header('Contact'));
    peer.reply(ours, 488);
    const result = await outcome;
    assert.equal(result.ok ? '' : result.error.code, 'no-common-codec');
    const over = ended(call);
    send('BYE', { cseq: 2 });
    await peer.response(200, 'BYE');
    await over;
  },
  { rfc: '3261 §14.1' },
);

onEachEngine(
  'UPDATE without SDP is a refresh, with SDP an offer, and is answered the same when repeated',
  async (context, kind) => {
    const { peer, call, send, gateway } = await answeredCall(context, kind);
    send('UPDATE', { cseq: 2 });
    await peer.response(200, 'UPDATE');
    const offered = reoffer(call);
    const text = send('UPDATE', { cseq: 3, body: held });
    const [sdp, respond] = await offered;
    assert.equal(sdp, held);
    respond(ok(someSdp));
    assert.equal((await peer.response(200, 'UPDATE')).body, someSdp);
    peer.send(text, gateway.port);
    assert.equal((await peer.response(200, 'UPDATE')).body, someSdp);
  },
  { rfc: '3311 §5.2' },
);

onEachEngine(
  'what does not belong to a dialog gets 481',
  async (context, kind) => {
    const { peer, send } = await answeredCall(context, kind);
    for (const method of ['BYE', 'INFO', 'UPDATE', 'INVITE', 'OPTIONS', 'PRACK']) {
      send(method, { toTag: 'other', cseq: 9 });
      await peer.response(481, method);
    }
    send('CANCEL', { branch: 'z9hG4bKnothing' });
    await peer.response(481, 'CANCEL');
  },
  { rfc: '3261 §12.2.2' },
);

onEachEngine(
  'a request with a CSeq that is too low is refused',
  async (context, kind) => {
    const { peer, send } = await answeredCall(context, kind);
    send('INFO', { cseq: 5 });
    await peer.response(200, 'INFO');
    send('INFO', { cseq: 4 });
    await peer.response(500, 'INFO');
  },
  { rfc: '3261 §12.2.2' },
);

onEachEngine(
  'hang-up while an offer waits for its answer: both get an end',
  async (context, kind) => {
    const { peer, call, send } = await answeredCall(context, kind);
    const offered = reoffer(call);
    send('INVITE', { cseq: 2, body: held });
    const [, respond] = await offered;
    const over = ended(call);
    send('BYE', { cseq: 3 });
    await peer.response(200, 'BYE');
    await peer.response(487, 'INVITE');
    await over;
    respond(ok(someSdp));
  },
  { rfc: '3261 §15.1.2' },
);

onEachEngine(
  'a peer that leaves while our re-INVITE waits leaves no transaction behind',
  async (context, kind) => {
    const { gateway, peer, call, send } = await answeredCall(context, kind);
    const outcome = call.reinvite(someSdp);
    peer.reply(await peer.request('INVITE'), 100);
    send('BYE', { cseq: 2 });
    await ended(call);
    assert.equal((await outcome).ok, false);
    await until('no transaction is left', () => gateway.engine.occupancy().transactions === 0);
  },
  { only: 'embedded', quick: true, rfc: '3261 §15.1.2' },
);
