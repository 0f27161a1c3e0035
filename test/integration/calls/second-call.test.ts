import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Constellation, phoneHearsTones, roomHearsTones } from '../../kit/constellation.ts';
import { tone } from '../../kit/tone.ts';

// Two telephones in one room.

let world: Constellation;

before(async () => {
  world = await Constellation.start();
});
afterEach((t) => world.report(t));
after(() => world.stop());

test('two phones and a participant all hear each other; when one phone goes, the other stays', async () => {
  const alice = await world.room('pair').join('Alice');
  alice.keepSpeaking(tone(440, 48_000, 1, -15));
  const one = await world.dialIn('pair', { fromHeader: '<sip:one@pbx.example>' });
  const two = await world.dialIn('pair', { fromHeader: '<sip:two@pbx.example>' });
  await Promise.all([one.answered(), two.answered()]);
  one.audio.say(tone(1000, 8000, 1, -15));
  two.audio.say(tone(1600, 8000, 1, -15));
  const first = await world.occupant(alice, ({ displayName }) => displayName === 'one');
  const second = await world.occupant(alice, ({ displayName }) => displayName === 'two');
  assert.notEqual(first.realJid.split('/')[0], second.realJid.split('/')[0], 'a bare JID for each call');
  await world.jitsi.bridge.connected(alice.room, first.nick);
  await world.jitsi.bridge.connected(alice.room, second.nick);
  await Promise.all([
    phoneHearsTones(one, [440, 1600]),
    phoneHearsTones(two, [440, 1000]),
    roomHearsTones(alice, first.nick, [1000]),
    roomHearsTones(alice, second.nick, [1600]),
  ]);

  const left = alice.waitForLeave(first.nick);
  await one.hangup();
  await left;
  await Promise.all([phoneHearsTones(two, [440]), roomHearsTones(alice, second.nick, [1600])]);
  await two.hangup();
});

test('two phones alone in a room hear each other', async () => {
  const one = await world.dialIn('phones');
  const two = await world.dialIn('phones');
  await Promise.all([one.answered(), two.answered()]);
  one.audio.say(tone(1000, 8000, 1, -15));
  two.audio.say(tone(1600, 8000, 1, -15));
  await Promise.all([phoneHearsTones(one, [1600]), phoneHearsTones(two, [1000])]);
  await Promise.all([one.hangup(), two.hangup()]);
});
