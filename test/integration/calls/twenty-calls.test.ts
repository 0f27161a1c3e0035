import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Constellation } from '../../kit/constellation.ts';
import type { Participant } from '../../kit/participant.ts';
import { until } from '../../kit/until.ts';

// A gateway that has had many calls is as it was before the first one.

let world: Constellation;

before(async () => {
  const report = fileURLToPath(new URL('../../kit/resource-report.ts', import.meta.url));
  const env = { NODE_OPTIONS: `--import=${report}`, JIGASI_ALONE_ANSWER_MS: '1' };
  world = await Constellation.start({ env });
});
afterEach((t) => world.report(t));
after(() => world.stop());

async function timers(): Promise<number> {
  const { gateway } = world;
  const { position } = gateway;
  gateway.signal('SIGUSR2');
  return Number((await gateway.waitFor('timers', position)).count);
}

async function dialIn(alice: Participant): Promise<void> {
  const call = await world.dialIn('busy');
  await call.answered();
  const { nick } = await world.occupant(alice);
  const left = alice.waitForLeave(nick);
  await call.audio.recording.more(3);
  await call.hangup();
  await left;
}

async function dialOut(alice: Participant): Promise<void> {
  const answer = await alice.dial('4711', world.componentDomain);
  const call = await world.phone.incoming();
  call.answer();
  const { nick } = await world.occupant(alice, ({ status }) => status === 'Connected');
  const left = alice.waitForLeave(nick);
  await call.audio.recording.more(3);
  await alice.hangup(answer?.getChild('ref')?.attrs.uri ?? '');
  await left;
}

/** Ended by the phone before there is an answer: another way through the code. */
async function giveUp(alice: Participant): Promise<void> {
  const call = await world.dialIn('busy');
  await call.response(180);
  await call.cancel();
  await until('Alice is alone', () => alice.others.size === 0);
}

test('twenty calls one after another leave no port, socket, thread, timer or occupant behind', async () => {
  const { gateway } = world;
  const alice = await world.room('busy').join('Alice');
  const quiet = await timers();
  await dialIn(alice); // what the first call makes for good: codecs, worker sockets
  await world.idle();
  const before = { sockets: gateway.sockets(), threads: gateway.usage().threads };
  const ways = [dialIn, dialOut, giveUp, dialIn];
  for (let count = 0; count < 20; count += 1) await ways[count % ways.length]?.(alice);
  await world.idle();
  await until('sockets and threads are as before', () => {
    const now = { sockets: gateway.sockets(), threads: gateway.usage().threads };
    return JSON.stringify(now) === JSON.stringify(before);
  });
  assert.equal(alice.others.size, 0);
  // The last call may say so after its ports are free.
  const ended = () => gateway.log.filter(({ event }) => event === 'call-ended').length;
  await until('each call has said its end', () => ended() >= 21);
  assert.equal(ended(), 21);
  // SIP transactions are kept for up to 32 s (RFC 3261, timers D, H and J), to answer what is repeated.
  let left = await timers();
  for (let second = 0; second < 40 && left > quiet; second += 1) {
    await delay(1000);
    left = await timers();
  }
  assert.ok(left <= quiet, `${left} timers, ${quiet} before the first call`);
});
