import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { Constellation, type ConstellationOptions } from '../../kit/constellation.ts';
import { value } from '../../kit/raw-sip.ts';
import { dial, finish, speaker, startTalk } from './talk.ts';

async function start(t: TestContext, options: ConstellationOptions): Promise<Constellation> {
  const stage = await Constellation.start(options);
  t.after(() => finish(stage));
  return stage;
}

/** A refused call: its response and the reason in the log. */
async function refused(stage: Constellation, room: string) {
  const from = stage.gateway.position;
  const call = await dial(stage, room);
  const message = await call.response(503);
  const { reason, remedy } = await stage.gateway.waitFor('call-refused', from);
  return { startLine: message.startLine, retryAfter: value(message, 'Retry-After'), reason, remedy };
}

test('a port range that is used up: the next call gets 503, the first one notices nothing, and its ports serve again', async (t) => {
  const stage = await start(t, { mediaPorts: 4 });
  const talk = await startTalk(stage, 'steady');
  const { startLine, retryAfter, reason, remedy } = await refused(stage, 'second');
  assert.equal(startLine, 'SIP/2.0 503 No free media port');
  assert.ok(Number(retryAfter) > 0);
  assert.equal(reason, 'ports-exhausted');
  assert.match(String(remedy), /--min-port\/--max-port/);
  await talk.goesOn();
  await talk.phoneLostNothing();
  await talk.roomLostNothing();
  await talk.hangup();
  await stage.idle();
  const next = await startTalk(stage, 'third');
  await next.hangup();
});

test('a range with room for the phone but not for the bridge: the caller gets 503 and all is given back', async (t) => {
  const stage = await start(t, { mediaPorts: 4 });
  const { minPort } = stage.gateway;
  for (const port of [minPort + 2, minPort + 3]) await occupy(t, port);
  const alice = await speaker(stage.room('narrow'));
  const call = await dial(stage, 'narrow');
  assert.equal((await call.response(503)).startLine, 'SIP/2.0 503 No free media port');
  assert.equal((await stage.callEnded('narrow')).reason, 'ports-exhausted');
  await stage.idle();
  await alice.leave();
});

test('ports of the range that other programs hold are passed over', async (t) => {
  const stage = await start(t, { mediaPorts: 8 });
  const { minPort, maxPort } = stage.gateway;
  const foreign = [minPort, minPort + 3, maxPort];
  for (const port of foreign) await occupy(t, port);
  const talk = await startTalk(stage, 'crowded');
  const used = stage.gateway.mediaPorts();
  assert.equal(used.length, 3);
  assert.equal(used.filter((port) => foreign.includes(port)).length, 0);
  await talk.hangup();
});

test('a call beyond the allowed number gets 503 before the room hears of it, and there is room again after a hang-up', async (t) => {
  const stage = await start(t, { env: { JIGASI_MAX_CALLS: '1' } });
  const talk = await startTalk(stage, 'steady');
  const { startLine, retryAfter, reason } = await refused(stage, 'steady');
  assert.equal(startLine, 'SIP/2.0 503 Gateway is full');
  assert.ok(Number(retryAfter) > 0);
  assert.equal(reason, 'over-capacity');
  assert.ok(talk.nick, 'still one phone in the room');
  await talk.goesOn();
  await talk.hangup();
  await stage.callEnded('steady');
  const next = await startTalk(stage, 'next');
  await next.hangup();
});

/** Another program's socket, until the test is over. */
async function occupy(t: TestContext, port: number): Promise<void> {
  const socket = createSocket('udp4');
  t.after(() => socket.close());
  socket.bind(port, '0.0.0.0');
  await once(socket, 'listening');
}
