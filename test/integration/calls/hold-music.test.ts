import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { level } from '../../kit/analysis.ts';
import { Constellation, phoneHearsTones, roomHears } from '../../kit/constellation.ts';
import { parseSdp } from '../../kit/raw-sip.ts';
import { tone } from '../../kit/tone.ts';
import { writeWav } from '../../kit/wav.ts';
import { bothWays, nothingReachesThePhone, startTalk } from './hold-talk.ts';

// A phone of an account with music on hold. The operator's music is a tone here, so that it can be told from the room.

let world: Constellation;
let directory: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'jigasi-hold-'));
  const music = join(directory, 'music.wav');
  writeWav(music, tone(700, 48_000, 3, -12));
  world = await Constellation.start({ env: { JIGASI_SIP_HOLD_MUSIC: music } });
});
afterEach((t) => world.report(t));
after(async () => {
  await world.stop();
  await rm(directory, { recursive: true });
});

test('a phone that holds with sendonly hears the music of the operator, and the room again at once', async () => {
  const scene = await startTalk(world, 'music');
  const { alice, call, nick } = scene;
  await bothWays(scene);

  const held = await call.hold();
  assert.equal(parseSdp(held.body)?.direction, 'recvonly');
  await phoneHearsTones(call, [700], -12);
  assert.ok(level(await roomHears(alice, nick, 0.5)) < -60, 'the room does not hear a phone that holds');

  await call.resume();
  await bothWays(scene);
  await call.reinvite('inactive');
  await nothingReachesThePhone(scene);
  await call.resume();
  await call.reinvite('sendrecv', call.localSdp().replace(/^c=.*$/m, 'c=IN IP4 0.0.0.0'));
  await nothingReachesThePhone(scene);
  await call.resume();
  await bothWays(scene);

  const left = alice.waitForLeave(nick);
  assert.equal(await call.hangup(), 200);
  await left;
});
