import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { SipAdmission } from '../../../src/config/config.ts';
import type { SipCall } from '../../../src/sip/engine.ts';
import { digitInfo } from '../../kit/answered-call.ts';
import { ended, quickTimes, startEngine, type TestEngine } from '../../kit/sip-engine.ts';
import { SipPeer, someSdp, tagOf } from '../../kit/sip-peer.ts';

interface Scene {
  readonly gateway: TestEngine;
  /** On the address of the account's server. */
  readonly pbx: SipPeer;
  /** On an address that nobody has named. */
  readonly stranger: SipPeer;
}

async function scene(context: TestContext, admission: Partial<SipAdmission>): Promise<Scene> {
  const gateway = await startEngine({ times: quickTimes, admission });
  const [pbx, stranger] = [await SipPeer.open(), await SipPeer.open('127.66.0.1')];
  context.after(async () => {
    await gateway.stop();
    pbx.close();
    stranger.close();
  });
  return { gateway, pbx, stranger };
}

function count(gateway: TestEngine, name: string): number {
  return gateway.engine.counters()[name] ?? 0;
}

/** Resolves when what was sent before has been dealt with. */
async function settled({ gateway, pbx }: Scene): Promise<void> {
  pbx.send(pbx.requestText('OPTIONS', { port: gateway.port, callId: `o${Math.random()}` }), gateway.port);
  await pbx.response(200, 'OPTIONS');
}

test('a source that is not listed gets no answer, over TCP no connection either; the PBX is served', async (context) => {
  const here = await scene(context, { allowedSources: ['192.0.2.0/24'] });
  const { gateway, stranger } = here;
  for (const method of ['OPTIONS', 'INVITE', 'REGISTER', 'DANCE']) {
    const text = stranger.requestText(method, { port: gateway.port, callId: method, body: someSdp });
    stranger.send(text, gateway.port);
  }
  stranger.send('rubbish', gateway.port);
  const socket = connect({ port: gateway.port, host: '127.0.0.1', localAddress: '127.66.0.1' });
  socket.write(stranger.requestText('OPTIONS', { port: gateway.port, callId: 'tcp' }));
  await once(socket.resume(), 'close');
  await settled(here);
  assert.deepEqual(stranger.received, []);
  assert.equal(count(gateway, 'dropped.source'), 6);
  assert.equal(gateway.engine.occupancy().transactions, 0);
});

test('with the policy `reject` it gets 403, but not for an ACK', async (context) => {
  const here = await scene(context, { allowedSources: ['192.0.2.0/24'], refusal: 'reject' });
  const { gateway, stranger } = here;
  for (const method of ['ACK', 'INVITE']) {
    stranger.send(stranger.requestText(method, { port: gateway.port, callId: method }), gateway.port);
  }
  await stranger.response(403, 'INVITE');
  await settled(here);
  assert.equal(stranger.received.length, 1);
});

test('a scanner learns nothing, even where everybody may call', async (context) => {
  const here = await scene(context, {});
  const { gateway, stranger } = here;
  const scan = { port: gateway.port, callId: 'scan', lines: ['User-Agent: friendly-scanner'] };
  stranger.send(stranger.requestText('OPTIONS', scan), gateway.port);
  await settled(here);
  assert.deepEqual(stranger.received, []);
  assert.equal(count(gateway, 'dropped.agent'), 1);
});

/** A call of the PBX, answered and acknowledged. */
async function established({ gateway, pbx }: Scene): Promise<{ call: SipCall; toTag: string }> {
  const dialog = { port: gateway.port, callId: 'standing', body: someSdp };
  pbx.send(pbx.requestText('INVITE', dialog), gateway.port);
  const call = await gateway.nextCall();
  const answered = once(call, 'answered');
  call.answer(someSdp);
  const toTag = tagOf((await pbx.response(200, 'INVITE')).header('To'));
  pbx.send(pbx.requestText('ACK', { port: gateway.port, callId: 'standing', toTag }), gateway.port);
  await answered;
  return { call, toTag };
}

test('500 INVITEs from a stranger do not touch a running call: each of its requests is answered', async (context) => {
  const here = await scene(context, {});
  const { gateway, pbx, stranger } = here;
  const { call, toTag } = await established(here);
  let digits = 0;
  call.on('info', () => {
    digits += 1;
  });
  for (let round = 0; round < 50; round += 1) {
    for (let index = 0; index < 10; index += 1) {
      const flood = {
        port: gateway.port,
        callId: `flood ${round} ${index}`.replaceAll(' ', '-'),
        body: someSdp,
      };
      stranger.send(stranger.requestText('INVITE', { ...flood, fromTag: `f${index}` }), gateway.port);
    }
    const info = { port: gateway.port, callId: 'standing', toTag, cseq: round + 2, ...digitInfo };
    pbx.send(pbx.requestText('INFO', info), gateway.port);
    const answer = await pbx.response(200, 'INFO');
    assert.equal(answer.header('CSeq'), `${round + 2} INFO`);
  }
  const admitted = count(gateway, 'received.INVITE') - 1;
  const refused = count(gateway, 'dropped.call-rate');
  assert.equal(digits, 50);
  assert.ok(count(gateway, 'dropped.rate') > 0, 'most of the flood is not even parsed');
  assert.ok(admitted < 500 && refused > 0 && refused < admitted, `${admitted} parsed, ${refused} refused`);
  const calls = admitted - refused;
  assert.equal(gateway.engine.occupancy().calls, calls + 1);
  const bye = { port: gateway.port, callId: 'standing', toTag, cseq: 100 };
  pbx.send(pbx.requestText('BYE', bye), gateway.port);
  await pbx.response(200, 'BYE');
});

test('500 INVITEs of a stranger are counted and turned away, and the call that runs is ended by its BYE', async (context) => {
  const here = await scene(context, {});
  const { gateway, pbx, stranger } = here;
  const { port } = gateway;
  pbx.send(pbx.requestText('INVITE', { port, callId: 'running', body: someSdp }), port);
  const call = await gateway.nextCall();
  call.answer(someSdp);
  const toTag = tagOf((await pbx.response(200, 'INVITE')).header('To'));
  pbx.send(pbx.requestText('ACK', { port, callId: 'running', toTag }), port);
  const offered: SipCall[] = [];
  gateway.engine.on('invite', (flooding) => offered.push(flooding));
  for (let sent = 0; sent < 500; sent += 1) {
    stranger.send(stranger.requestText('INVITE', { port, callId: `flood-${sent}`, body: someSdp }), port);
    if (sent % 100 === 99) await settled(here);
  }
  const over = ended(call);
  pbx.send(pbx.requestText('BYE', { port, callId: 'running', toTag, cseq: 2 }), port);
  await pbx.response(200, 'BYE');
  assert.equal((await over).code, 'hangup');
  assert.equal(offered.length + count(gateway, 'dropped.rate') + count(gateway, 'dropped.call-rate'), 500);
  assert.ok(offered.length < 100, `${offered.length} calls of the flood were let in`);
  for (const flooding of offered) flooding.end({ code: 'no-room' });
});

test('connections of one peer beyond the cap are refused and counted; another peer is served', async (context) => {
  const here = await scene(context, {});
  const { gateway } = here;
  const crowd = Array.from({ length: 1_010 }, () =>
    connect({ port: gateway.port, host: '127.0.0.1', localAddress: '127.66.0.2' }).on('error', () => {}),
  );
  context.after(() => {
    for (const socket of crowd) socket.destroy();
  });
  let refused = 0;
  const all = Promise.withResolvers<void>();
  for (const socket of crowd) {
    socket.resume().once('close', () => {
      refused += 1;
      if (refused === 10) all.resolve();
    });
  }
  await all.promise;
  await settled(here);
  assert.equal(count(gateway, 'dropped.too-many-connections'), 10);
});
