import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { dominant, gaps, level } from './analysis.ts';
import { Answerer } from './answerer.ts';
import { type Bridge, startBridge } from './bridge.ts';
import { cut, type Sound } from './sound.ts';
import { tone } from './tone.ts';

const room = 'r@conference.meet.test';
let bridge: Bridge;
let gateway: Answerer;

before(async () => {
  bridge = await startBridge();
  bridge.admit('alice@meet.test/a');
  bridge.admit('bob@meet.test/b');
  gateway = new Answerer();
});

after(async () => {
  await gateway.close();
  await bridge.stop();
});

/** Somebody inside the bridge with this SSRC. */
async function inside(nick: string, realJid: string, ssrc: number) {
  const endpoint = await bridge.allocate(room, nick, realJid);
  endpoint.sources([ssrc]);
  return endpoint;
}

async function heard(): Promise<Sound> {
  const recording = await bridge.heard(room, 'phone');
  assert.ok(recording);
  return { rate: 48_000, samples: recording.samples };
}

test('a gateway that checks first is connected, hears two people by their SSRCs, and is heard without a gap', async () => {
  await inside('alice', 'alice@meet.test/a', 1111);
  const endpoint = await bridge.allocate(room, 'phone', 'call@callcontrol.meet.test/x');
  const answer = await gateway.answer(endpoint.transport, [1111]);
  endpoint.accept(answer);
  await Promise.all([bridge.connected(room, 'phone'), gateway.connected()]);
  await inside('bob', 'bob@meet.test/b', 2222);

  const began = performance.now();
  bridge.speak(room, 1111, { samples: tone(440, 48_000, 1).samples, loop: true });
  bridge.speak(room, 2222, { samples: tone(880, 48_000, 1).samples, loop: true });
  await gateway.speak(tone(1000, 48_000, 2), 20);
  const sent = (await bridge.statistics(room, 'phone'))?.toGateway;
  // A packet each 20 ms, however long the machine took for the two seconds.
  const most = (performance.now() - began) / 20 + 10;
  const [alice, bob] = [sent?.get(1111)?.packets ?? 0, sent?.get(2222)?.packets ?? 0];
  assert.ok(alice > 60 && alice <= most, `of alice ${alice} packets`);
  assert.ok(bob > 60 && bob <= most, `of bob ${bob} packets`);
  assert.ok((gateway.received.get(1111) ?? 0) >= alice - 3);

  const phone = await heard();
  const middle = cut(phone, -1.6, -0.4);
  assert.equal(Math.round(dominant(middle, 1)[0]?.hz ?? 0), 1000);
  assert.deepEqual(gaps(middle, 1000), []);
  const statistics = await bridge.statistics(room, 'phone');
  assert.equal(statistics?.droppedSilent, 0);
  assert.equal(statistics?.fromGateway.get(gateway.ssrc)?.packets, 100);
  assert.equal(statistics?.toGateway.get(1111)?.missing, 0);
});

test('what the gateway marks with audio level 127 does not reach the room', async () => {
  bridge.speak(room, 1111, undefined);
  bridge.speak(room, 2222, undefined);
  await bridge.clear(room);
  await gateway.speak(tone(1000, 48_000, 1), 127);
  await delay(200);
  assert.ok(level(cut(await heard(), -0.5)) < -60);
  assert.equal((await bridge.statistics(room, 'phone'))?.droppedSilent, 50);
});

test('a bridge that went dark neither hears nor speaks', async () => {
  bridge.impair({ blackout: true });
  await bridge.clear(room);
  const before = gateway.received.get(1111) ?? 0;
  await Promise.all([
    gateway.speak(tone(1000, 48_000, 0.4), 20),
    bridge.say(room, 1111, tone(440, 8000, 0.4)),
  ]);
  assert.ok((gateway.received.get(1111) ?? 0) <= before + 1);
  assert.ok(level(cut(await heard(), -0.2)) < -60);
  bridge.impair({});
});

test('loss on the way is loss in the statistics of the other side only', async () => {
  bridge.impair({ lossPercent: 50, towards: 'gateway', seed: 7 });
  const before = gateway.received.get(1111) ?? 0;
  bridge.speak(room, 1111, { samples: tone(440, 48_000, 1).samples, loop: false });
  await delay(1300);
  const received = (gateway.received.get(1111) ?? 0) - before;
  assert.ok(received > 10 && received < 40, `${received} packets of 50`);
});
