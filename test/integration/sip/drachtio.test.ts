import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import type { SipCall } from '../../../src/sip/engine.ts';
import { DrachtioStandIn } from '../../kit/drachtio-server.ts';
import { ended, quickTimes, type TestEngineOptions } from '../../kit/sip-engine.ts';
import { type AnyEngine, attach } from '../../kit/sip-engines.ts';
import { SipPeer, someSdp, tagOf } from '../../kit/sip-peer.ts';
import { until } from '../../kit/until.ts';

interface Scene {
  readonly server: DrachtioStandIn;
  readonly peer: SipPeer;
  gateway(options?: Parameters<typeof attach>[1]): Promise<Attached>;
}

type Attached = Awaited<ReturnType<typeof attach>>;

async function scene(
  context: TestContext,
  options: Parameters<typeof DrachtioStandIn.start>[0] = {},
): Promise<Scene> {
  const server = await DrachtioStandIn.start({ times: quickTimes, ...options });
  const peer = await SipPeer.open();
  const gateways: AnyEngine[] = [];
  context.after(async () => {
    await Promise.all(gateways.map((gateway) => gateway.stop()));
    await server.stop();
    peer.close();
  });
  return {
    server,
    peer,
    async gateway(more = {}) {
      const place = placeOf(server);
      const own: TestEngineOptions = { times: quickTimes, account: { port: peer.port, ...more.account } };
      const attached = await attach(place, { ...more, ...own });
      gateways.push(attached);
      return attached;
    },
  };
}

function placeOf(server: DrachtioStandIn): Parameters<typeof attach>[0] {
  return { host: '127.0.0.1', adminPort: server.adminPort, secret: 'cymru', sipPort: server.port };
}

let calls = 0;

interface Answered {
  readonly call: SipCall;
  readonly gateway: AnyEngine;
  hangUp(): void;
}

/** A call to whichever gateway it falls, answered and acknowledged. */
async function callIn({ server, peer }: Scene, gateways: readonly AnyEngine[]): Promise<Answered> {
  calls += 1;
  const callId = `drachtio-${calls}`;
  const port = server.port;
  const taken = Promise.withResolvers<{ call: SipCall; gateway: AnyEngine }>();
  const stops = gateways.map((gateway) => {
    const take = (call: SipCall): void => taken.resolve({ call, gateway });
    gateway.engine.on('invite', take);
    return () => gateway.engine.off('invite', take);
  });
  peer.send(peer.requestText('INVITE', { port, callId, body: someSdp }), port);
  const { call, gateway } = await taken.promise;
  for (const stop of stops) stop();
  const answered = once(call, 'answered');
  call.answer(someSdp);
  const accepted = await peer.next(
    (message) => message.status === 200 && message.header('Call-ID') === callId,
  );
  const toTag = tagOf(accepted.header('To'));
  peer.send(peer.requestText('ACK', { port, callId, toTag }), port);
  await answered;
  const hangUp = (): void => peer.send(peer.requestText('BYE', { port, callId, toTag, cseq: 2 }), port);
  return { call, gateway, hangUp };
}

test('two gateways on one server take calls in turn; one that drains finishes its calls and gets no more', async (context) => {
  const stage = await scene(context);
  const gateways = [await stage.gateway(), await stage.gateway()];
  await until('both take calls', () => stage.server.gateways === 2);
  const first = await callIn(stage, gateways);
  const second = await callIn(stage, gateways);
  assert.notEqual(first.gateway, second.gateway);
  first.gateway.engine.drain();
  await until('one left', () => stage.server.gateways === 1);
  for (let round = 0; round < 3; round += 1) {
    assert.equal((await callIn(stage, gateways)).gateway, second.gateway);
  }
  const over = ended(first.call);
  first.hangUp();
  await stage.peer.response(200, 'BYE');
  assert.equal((await over).code, 'hangup');
});

test('a gateway that dies takes its own calls along, and no new ones', async (context) => {
  const stage = await scene(context);
  const gateways = [await stage.gateway(), await stage.gateway()];
  await until('both take calls', () => stage.server.gateways === 2);
  const lost = await callIn(stage, gateways);
  const stopped = lost.gateway.stop();
  await stage.peer.request('BYE');
  await stopped;
  const others = gateways.filter((gateway) => gateway !== lost.gateway);
  for (let round = 0; round < 3; round += 1) await callIn(stage, others);
  lost.hangUp();
  await stage.peer.response(481, 'BYE');
});

test('a lost connection ends its calls and is made again, also while draining', async (context) => {
  const stage = await scene(context);
  const gateway = await stage.gateway();
  await until('attached', () => stage.server.gateways === 1);
  const { call } = await callIn(stage, [gateway]);
  const over = ended(call);
  stage.server.drop();
  const why = await over;
  assert.equal(why.code, 'phone-failed');
  assert.match(why.detail ?? '', /drachtio-server/);
  await until('attached again', () => stage.server.gateways === 1);
  assert.deepEqual(gateway.engine.occupancy(), { calls: 0, dialogs: 0, transactions: 0 });
  (await callIn(stage, [gateway])).call.end({ code: 'hangup' });
  stage.peer.reply(await stage.peer.request('BYE'), 200);
  gateway.engine.drain();
  await until('drained', () => stage.server.gateways === 0);
  stage.server.drop();
  await until('lost', () => gateway.engine.attached === 0);
  await until('attached to place calls', () => gateway.engine.attached === 1);
  const { port } = stage.server;
  stage.peer.send(stage.peer.requestText('INVITE', { port, callId: 'drained', body: someSdp }), port);
  await stage.peer.response(503);
});

test('a secret that the server refuses stops the start', async (context) => {
  const { gateway } = await scene(context);
  await assert.rejects(gateway({ drachtio: { secret: 'wrong' } }), /failed to authenticate/);
});

test('outbound: the server connects to us with each call, and the connection ends with it', async (context) => {
  let address = { host: '127.0.0.1', port: 0 };
  const stage = await scene(context, { handler: () => address });
  const gateway = await stage.gateway({ drachtio: { mode: 'outbound' } });
  address = { host: '127.0.0.1', port: gateway.engine.port };
  await until('attached to place calls', () => gateway.engine.attached === 1);
  assert.equal(stage.server.gateways, 0);
  const { call, hangUp } = await callIn(stage, [gateway]);
  assert.equal(stage.server.connections, 2);
  const over = ended(call);
  hangUp();
  await stage.peer.response(200, 'BYE');
  await over;
  await until('only ours is left', () => stage.server.connections === 1);
});

test('calls go out by each server in turn; the registration by the first one that is there', async (context) => {
  const stage = await scene(context);
  const other = await DrachtioStandIn.start({ times: quickTimes });
  const servers = [stage.server, other].map(({ adminPort }) => ({ host: '127.0.0.1', port: adminPort }));
  const gateway = await stage.gateway({ drachtio: { servers } });
  context.after(() => other.stop());
  await until('attached to both', () => gateway.engine.attached === 2);
  const ports = new Set<number>();
  for (let round = 0; round < 2; round += 1) {
    const { account } = gateway;
    const options = { account, sdp: someSdp, headers: [], noAnswerSeconds: 5 };
    const call = gateway.engine.invite('sip:1@pbx.test', options);
    const over = ended(call);
    const invite = await stage.peer.next(
      (message) => message.method === 'INVITE' && message.header('Call-ID') === call.callId,
    );
    ports.add(invite.port);
    stage.peer.reply(invite, 486);
    await over;
  }
  assert.deepEqual(ports, new Set([stage.server.port, other.port]));
  const registration = gateway.engine.register(gateway.account);
  const first = await stage.peer.request('REGISTER');
  assert.equal(first.header('Contact'), `<sip:gateway@127.0.0.1:${stage.server.port}>`);
  stage.peer.reply(first, 200, { contact: false });
  await once(registration, 'registered');
  await registration.stop();
});

test('the registration stays for the other gateways when it is shared', async (context) => {
  const stage = await scene(context);
  const gateway = await stage.gateway({ drachtio: { keepRegistration: true } });
  const registration = gateway.engine.register(gateway.account);
  stage.peer.reply(await stage.peer.request('REGISTER'), 200, { contact: false });
  await once(registration, 'registered');
  await registration.stop();
  await gateway.stop();
  assert.equal(stage.peer.received.filter(({ method }) => method === 'REGISTER').length, 1);
});

test('tags are told to the server', async (context) => {
  const stage = await scene(context);
  await stage.gateway({ drachtio: { tags: ['jigasi', 'eu'] } });
  assert.deepEqual(stage.server.tags, ['jigasi', 'eu']);
});
