import assert from 'node:assert/strict';

import { type TestContext, test } from 'node:test';
import { DigestClient } from '../../../src/sip/digest.ts';
import { Headers } from '../../../src/sip/message.ts';
import { ended, quickTimes, startEngine } from '../../kit/sip-engine.ts';
import { type RawMessage, SipPeer, someSdp } from '../../kit/sip-peer.ts';
import { until } from '../../kit/until.ts';

async function open(context: TestContext): Promise<SipPeer> {
  const peer = await SipPeer.open();
  context.after(() => peer.close());
  return peer;
}

/** Answers every OPTIONS. */
function answerPings(peer: SipPeer, status: () => number): void {
  const answer = (request: RawMessage): void => {
    peer.reply(request, status());
    next();
  };
  const next = (): void => void peer.request('OPTIONS').then(answer, () => {});
  next();
}

test('servers are watched: a call goes past one that is down without trying it, and back when it is up', async (context) => {
  const [first, second] = await Promise.all([open(context), open(context)]);
  let status = 503;
  answerPings(first, () => status);
  answerPings(second, () => 200);
  const gateway = await startEngine({
    times: quickTimes,
    account: { port: first.port, backupServers: [{ host: '127.0.0.1', port: second.port }] },
    config: { pingSeconds: 0.2 },
  });
  context.after(() => gateway.stop());
  const { engine, account } = gateway;
  const isUp = (peer: SipPeer) =>
    engine.accounts()[0]?.servers.find(({ server }) => server.endsWith(` ${peer.port}`))?.up;
  const dial = () =>
    engine.invite('sip:1@pbx.test', { account, sdp: someSdp, headers: [], noAnswerSeconds: 9 });
  await until('the first is down', () => isUp(first) === false && isUp(second) === true);
  const call = dial();
  const over = ended(call);
  second.reply(await second.request('INVITE'), 486);
  await over;
  assert.equal(
    first.received.some(({ method }) => method === 'INVITE'),
    false,
  );
  status = 404;
  await until('the first is up', () => isUp(first) === true);
  const again = dial();
  const end = ended(again);
  first.reply(await first.request('INVITE'), 486);
  await end;
});

test('a caller from an unknown address must prove itself, one from the PBX need not', async (context) => {
  const peer = await open(context);
  const callers = { user: 'trunk', password: 'secret' };
  for (const server of ['127.0.0.2', '127.0.0.1']) {
    const gateway = await startEngine({ times: quickTimes, account: { server, callers } });
    context.after(() => gateway.stop());
    const { port } = gateway;
    const uri = `sip:room@127.0.0.1:${port}`;
    peer.send(peer.requestText('INVITE', { port, callId: `a-${server}`, body: someSdp }), port);
    if (server === '127.0.0.1') {
      await gateway.nextCall();
      continue;
    }
    const refused = await peer.response(401);
    const headers = new Headers();
    for (const value of refused.all('WWW-Authenticate')) headers.add('www-authenticate', value);
    assert.equal(refused.all('WWW-Authenticate').length, 3);
    const lines =
      new DigestClient(callers).answer(401, headers, { method: 'INVITE', uri, body: someSdp }) ?? [];
    const options = { port, callId: `a-${server}`, body: someSdp, cseq: 2, lines };
    const invite = peer.requestText('INVITE', options);
    peer.send(invite, port);
    const call = await gateway.nextCall();
    call.answer(someSdp);
    await peer.response(200, 'INVITE');
    // Heard on the way and sent again: it proves nothing.
    peer.send(peer.requestText('INVITE', { ...options, callId: 'copied' }), port);
    const stale = await peer.next(
      (message) => message.status === 401 && message.header('Call-ID') === 'copied',
    );
    assert.match(stale.header('WWW-Authenticate') ?? '', /stale=true/);
  }
});
