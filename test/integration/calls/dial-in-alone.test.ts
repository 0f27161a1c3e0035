import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, afterEach, before, test } from 'node:test';
import { Constellation, phoneHearsTones, roomHearsTones } from '../../kit/constellation.ts';
import type { FocusConference } from '../../kit/focus-conference.ts';
import { status } from '../../kit/raw-sip.ts';
import { tone } from '../../kit/tone.ts';

// The first in a room is a telephone: no invitation comes from the focus, and yet nobody listens to ringback for ever.

let world: Constellation;

before(async () => {
  world = await Constellation.start({ focus: { idleMs: 200 } });
});
afterEach((t) => world.report(t));
after(() => world.stop());

test('a phone alone in a room is answered a while after the join; who comes later is heard, and hears it', async () => {
  const { jitsi, gateway, phone } = world;
  const invited: string[] = [];
  const joined = once(jitsi.focus, 'conference').then(([conference]: FocusConference[]) => {
    conference?.on('invited', (nick) => invited.push(nick));
    return once(conference as FocusConference, 'joined');
  });
  const call = await world.dialIn('empty');
  const [nick] = (await joined) as [string];
  // The phone still rings after the join: a whole SIP transaction fits in between.
  assert.equal(status(await phone.request('OPTIONS', world.uri())), 200);
  const soFar = call.responses.all.map((message) => status(message));
  assert.deepEqual(soFar, [100, 180]);
  await call.answered();
  assert.deepEqual(invited, [], 'no session: nobody is there');
  await gateway.waitFor(({ what }) => what === 'timer');
  const steps = gateway.log.filter(({ event }) => event === 'call-event').map(({ what }) => what);
  assert.deepEqual(steps, ['joined', 'timer']);
  call.audio.say(tone(1000, 8000, 1, -15));
  await call.audio.recording.more(10); // it hears silence, not nothing

  const alice = await world.room('empty').join('Alice');
  alice.keepSpeaking(tone(440, 48_000, 1, -15));
  assert.equal((await world.occupant(alice)).nick, nick);
  await jitsi.bridge.connected(alice.room, nick);
  await Promise.all([phoneHearsTones(call, [440]), roomHearsTones(alice, nick, [1000])]);

  // Alone again: the focus ends the session after a while. The next one who comes is heard again.
  const ended = gateway.waitFor(({ what }) => what === 'session-ended');
  await alice.leave();
  await ended;
  const bob = await world.room('empty').join('Bob');
  bob.keepSpeaking(tone(700, 48_000, 1, -15));
  await gateway.waitFor(
    ({ what }) => what === 'bridge-up',
    gateway.log.findIndex(({ what }) => what === 'session-ended'),
  );
  await Promise.all([phoneHearsTones(call, [700]), roomHearsTones(bob, nick, [1000])]);
  const left = bob.waitForLeave(nick);
  await call.hangup();
  await left;
});
