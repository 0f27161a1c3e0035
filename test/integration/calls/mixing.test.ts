import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Constellation, phoneHearsTones, roomHearsTones } from '../../kit/constellation.ts';
import { tone } from '../../kit/tone.ts';
import { until } from '../../kit/until.ts';

// A room of several: the bridge forwards a stream for each, and the phone hears their mix.

let world: Constellation;

before(async () => {
  world = await Constellation.start();
});
afterEach((t) => world.report(t));
after(() => world.stop());

test('three who speak at once are heard together; who goes falls silent, who comes is heard', async () => {
  const room = world.room('choir');
  const says = (hz: number) => tone(hz, 48_000, 1, -21);
  const [alice, bob, carol] = await Promise.all([room.join('Alice'), room.join('Bob'), room.join('Carol')]);
  alice.keepSpeaking(says(400));
  bob.keepSpeaking(says(900));
  carol.keepSpeaking(says(1700));
  const call = await world.dialIn('choir');
  await call.answered();
  call.audio.say(tone(2500, 8000, 1, -15));
  const { nick } = await world.occupant(alice);
  await phoneHearsTones(call, [400, 900, 1700], -21);

  // Only his presence says that he has gone: no source-remove comes (jitsi.md §5), and here his stream goes on without him. It
  // is a stranger's from now on, or rather soon: the gateway keeps the sources of leavers while Prosody might be shutting down.
  const { bridge } = world.jitsi;
  await bridge.ask({ verb: 'sources', room: room.jid, nick: 'ghost', ssrcs: [bob.ssrc] });
  const bobHasGone = alice.waitForLeave(bob.nick);
  await bob.leave(true);
  await bobHasGone;
  bridge.keepSaying(room.jid, bob.ssrc, says(900));
  const sent = async () => (await alice.statistics(nick))?.toGateway.get(bob.ssrc)?.packets ?? 0;
  await phoneHearsTones(call, [400, 1700], -21);
  const before = await sent();
  await phoneHearsTones(call, [400, 1700], -21);
  assert.ok((await sent()) > before + 20, 'the stream of the ghost reaches the gateway');
  bridge.hush(room.jid, bob.ssrc);

  const dave = await room.join('Dave');
  const session = new Promise((resolve) => dave.once('session', resolve));
  dave.keepSpeaking(says(1200));
  if (dave.sid === undefined) await session;
  await phoneHearsTones(call, [400, 1200, 1700], -21);

  // Nobody hears himself, and everybody hears the phone alone.
  await roomHearsTones(dave, nick, [2500]);
  await call.hangup();
});

test('six who speak at once: the loudest five are heard', async () => {
  const room = world.room('crowd');
  const tones = [400, 700, 1050, 1450, 1900];
  const crowd = await Promise.all(tones.map((hz) => room.join(`${hz} Hz`)));
  const quiet = await room.join('quiet');
  for (const [i, one] of crowd.entries()) one.keepSpeaking(tone(tones[i] ?? 0, 48_000, 1, -24));
  const call = await world.dialIn('crowd');
  await call.answered();
  await phoneHearsTones(call, tones, -24);
  const { nick } = await world.occupant(quiet);
  quiet.keepSpeaking(tone(2500, 48_000, 1, -36));
  const sent = async () => (await quiet.statistics(nick))?.toGateway.get(quiet.ssrc)?.packets ?? 0;
  const before = await sent();
  await until('the sixth is sent', async () => (await sent()) > before + 25);
  await phoneHearsTones(call, tones, -24);
  assert.equal(call.audio.recording.loss().lost, 0);
  await call.hangup();
});
