import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { levelAt } from '../../kit/analysis.ts';
import { assertTones, Constellation, phoneHears } from '../../kit/constellation.ts';
import { cut, type Sound } from '../../kit/sound.ts';
import { tone } from '../../kit/tone.ts';
import { writeWav } from '../../kit/wav.ts';

// What a caller is told. The operator's files are tones here, so that they can be told apart.

let world: Constellation;
let directory: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'jigasi-sounds-'));
  await mkdir(join(directory, 'en'));
  writeWav(join(directory, 'en', 'alone.wav'), tone(600, 48_000, 2, -12));
  writeWav(join(directory, 'en', 'kicked.wav'), tone(700, 16_000, 1, -12));
  world = await Constellation.start({ env: { JIGASI_SOUNDS_DIRECTORY: directory } });
});
afterEach((t) => world.report(t));
after(async () => {
  await world.stop();
  await rm(directory, { recursive: true });
});

test('the first caller hears that he is alone, until somebody comes', async () => {
  const call = await world.dialIn('first');
  await call.answered();
  call.audio.say(undefined);
  await call.audio.recording.more(90);
  assertTones(cut(call.audio.recording.heard(), -0.5), [600], -12);
  const alice = await world.room('first').join('Alice');
  alice.keepSpeaking(tone(440, 48_000, 1, -15));
  await world.gateway.waitFor(({ what }) => what === 'bridge-up');
  assertTones(await phoneHears(call), [440]);
  const left = alice.waitForLeave((await world.occupant(alice)).nick);
  await call.hangup();
  await left;
});

test('a caller who is put out hears so, and then gets the BYE that says why', async () => {
  const alice = await world.room('out').join('Alice');
  alice.keepSpeaking(tone(440, 48_000, 1, -15));
  const call = await world.dialIn('out');
  await call.answered();
  call.audio.say(tone(1000, 8000, 1, -15));
  const { nick } = await world.occupant(alice);
  assertTones(await phoneHears(call), [440]);
  await alice.kick(nick);
  await call.ended();
  const words = lastSecond(call.audio.recording.heard());
  assertTones(words, [700], -12);
  assert.ok(levelAt(words, 440) < -50, 'the room is not heard any more');
  assert.equal((await world.callEnded('out')).reason, 'kicked');
});

/** The prompt's second ends with the call. */
function lastSecond(sound: Sound): Sound {
  return cut(cut(sound, -0.8), 0.6);
}
