import assert from 'node:assert/strict';
import { once } from 'node:events';
import { ok } from '../../../src/errors.ts';
import { type AnsweredCall, answeredCall, digitInfo, engineAndPeer } from '../../kit/answered-call.ts';
import { quickTimes } from '../../kit/sip-engine.ts';
import { onEachEngine, startEngineOf } from '../../kit/sip-engines.ts';
import { type RequestText, SipPeer, someSdp } from '../../kit/sip-peer.ts';

/** The bodies that the call is told. */
function told({ call }: AnsweredCall): string[] {
  const bodies: string[] = [];
  call.on('info', (type, body) => bodies.push(`${type} ${body}`));
  return bodies;
}

function plain(body: string): Partial<RequestText> {
  return { lines: ['Content-Type: text/plain'], body };
}

onEachEngine(
  'INFO from the phone is answered once however often it comes',
  async (context, kind) => {
    const { peer, call, send, gateway } = await answeredCall(context, kind);
    let infos = 0;
    call.on('info', () => {
      infos += 1;
    });
    const text = send('INFO', { cseq: 2, ...digitInfo });
    await peer.response(200, 'INFO');
    peer.send(text, gateway.port);
    await peer.response(200, 'INFO');
    assert.equal(infos, 1);
  },
  { rfc: '6086 §4.2, 3261 §17.2.2' },
);

onEachEngine(
  'our INFO brings its status, and a challenge inside the dialog is answered',
  async (context, kind) => {
    const peer = await SipPeer.open();
    const gateway = await startEngineOf(kind, { times: quickTimes, account: { port: peer.port } });
    context.after(async () => {
      await gateway.stop();
      peer.close();
    });
    const { account } = gateway;
    const options = { account, sdp: someSdp, headers: [], noAnswerSeconds: 5 };
    const call = gateway.engine.invite('sip:4711@pbx.test', options);
    const answered = once(call, 'answered');
    peer.reply(await peer.request('INVITE'), 200, { body: someSdp });
    await answered;
    const status = call.info('application/json', '{"i":1}');
    const first = await peer.request('INFO');
    peer.reply(first, 407, { lines: ['Proxy-Authenticate: Digest realm="pbx", nonce="n", qop="auth"'] });
    const second = await peer.next(
      (message) => message.method === 'INFO' && message.header('Proxy-Authorization') !== undefined,
    );
    assert.equal(second.header('CSeq'), '3 INFO');
    assert.equal(second.body, '{"i":1}');
    assert.equal(second.header('Content-Type'), 'application/json');
    peer.reply(second, 200);
    assert.deepEqual(await status, ok(200));
  },
  { rfc: '6086 §4.2, 3261 §22.3' },
);

onEachEngine(
  'INFO that we cannot read is refused with what we can (415); one without a body, or whose body may be left unread, is not',
  async (context, kind) => {
    const scene = await answeredCall(context, kind);
    const { peer, send } = scene;
    const bodies = told(scene);
    for (const [cseq, type] of [
      [2, 'application/media_control+xml'],
      [3, 'text/plain'],
      [4, 'application/sdp'],
    ] as const) {
      send('INFO', { cseq, lines: [`Content-Type: ${type}`], body: 'Signal=5' });
      const refused = await peer.response(415, 'INFO');
      assert.equal(refused.header('Accept'), 'application/dtmf-relay, application/dtmf');
    }
    send('INFO', { cseq: 5 });
    await peer.response(200, 'INFO');
    const optional = 'Content-Disposition: render;handling=optional';
    send('INFO', { cseq: 6, lines: ['Content-Type: text/html', optional], body: '<p>' });
    await peer.response(200, 'INFO');
    send('INFO', { cseq: 7, lines: ['Content-Type: Application/DTMF; x=1'], body: '7' });
    await peer.response(200, 'INFO');
    assert.deepEqual(bodies, ['text/html <p>', 'application/dtmf 7']);
  },
  { rfc: '6086 §4.2.2' },
);

onEachEngine(
  'INFO of a package that we did not offer gets 469 with those that we did: none',
  async (context, kind) => {
    const scene = await answeredCall(context, kind);
    const { peer, send } = scene;
    const bodies = told(scene);
    send('INFO', { cseq: 2, ...digitInfo, lines: [...digitInfo.lines, 'Info-Package: infoDtmf'] });
    assert.equal((await peer.response(469, 'INFO')).header('Recv-Info'), '');
    send('INFO', { cseq: 3, ...digitInfo });
    await peer.response(200, 'INFO');
    assert.equal(bodies.length, 1);
  },
  { rfc: '6086 §4.2.2' },
);

onEachEngine(
  'a text from who is in a call is accepted, once however often it comes, and counted',
  async (context, kind) => {
    const { accepted, gateway, peer, send } = await answeredCall(context, kind);
    assert.match(accepted.header('Allow') ?? '', /\bMESSAGE\b/);
    const text = send('MESSAGE', { cseq: 2, ...plain('See you at ten') });
    await peer.response(200, 'MESSAGE');
    peer.send(text, gateway.port);
    await peer.response(200, 'MESSAGE');
    assert.ok((gateway.engine.counters()['received.MESSAGE'] ?? 0) >= 1);
    // Its CSeq counts like any other.
    send('INFO', { cseq: 1, ...digitInfo });
    await peer.response(500, 'INFO');
  },
  { rfc: '3428 §7' },
);

onEachEngine(
  'a text that is none gets 415 with what we take, one that is too long 413, and the call goes on',
  async (context, kind) => {
    const { call, peer, send } = await answeredCall(context, kind);
    send('MESSAGE', { cseq: 2, lines: ['Content-Type: text/html'], body: '<script>' });
    assert.equal((await peer.response(415, 'MESSAGE')).header('Accept'), 'text/plain');
    send('MESSAGE', { cseq: 3, ...plain('é'.repeat(651)) });
    await peer.response(413, 'MESSAGE');
    send('MESSAGE', { cseq: 4, ...plain('é'.repeat(650)) });
    await peer.response(200, 'MESSAGE');
    const outcome = call.reinvite(someSdp);
    peer.reply(await peer.request('INVITE'), 200, { body: someSdp });
    assert.deepEqual(await outcome, ok(someSdp));
  },
  { rfc: '3428 §7, §8' },
);

onEachEngine(
  'a text from who is in no call gets 405, one for a call that is over 481',
  async (context, kind) => {
    const { gateway, peer } = await engineAndPeer(context, kind);
    const ask = { port: gateway.port, callId: 'no-call', ...plain('Hello') };
    peer.send(peer.requestText('MESSAGE', ask), gateway.port);
    const refused = await peer.response(405, 'MESSAGE');
    assert.doesNotMatch(refused.header('Allow') ?? '', /\bMESSAGE\b/);
    peer.send(peer.requestText('MESSAGE', { ...ask, cseq: 2, toTag: 'gone' }), gateway.port);
    await peer.response(481, 'MESSAGE');
  },
  { rfc: '3261 §8.2.1, §12.2.2', only: 'embedded' },
);
