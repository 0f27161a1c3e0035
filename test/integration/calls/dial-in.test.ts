import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Constellation, phoneHearsTones, roomHearsTones } from '../../kit/constellation.ts';
import type { RawCall } from '../../kit/raw-call.ts';
import { status } from '../../kit/raw-sip.ts';
import { tone } from '../../kit/tone.ts';

// A telephone comes into a room: which room, and who may.

let world: Constellation;

before(async () => {
  world = await Constellation.start({ defaultRoom: 'Lobby' });
});
afterEach((t) => world.report(t));
after(() => world.stop());

const statuses = (call: RawCall) => call.responses.all.map((message) => status(message));

test('a call for a room by header is answered when media is up; both sides hear each other', async () => {
  const room = world.room('demo');
  const alice = await room.join('Alice');
  alice.keepSpeaking(tone(440, 48_000, 1, -15));
  const call = await world.dialIn('demo', { fromHeader: '"Bob Phone" <sip:bob@pbx.example>' });
  await call.answered();
  call.audio.say(tone(1000, 8000, 1, -15));
  assert.deepEqual(statuses(call), [100, 180, 200]);
  const {
    nick,
    displayName,
    status: shown,
  } = await world.occupant(alice, (seen) => seen.status === 'Connected');
  assert.deepEqual([displayName, shown], ['Bob Phone', 'Connected']);
  assert.match(nick, /^[0-9a-f]{8}$/);
  await Promise.all([phoneHearsTones(call, [440]), roomHearsTones(alice, nick, [1000])]);
  const left = alice.waitForLeave(nick);
  assert.equal(await call.hangup(), 200);
  await left;
  const sound = await world.gateway.waitFor(
    ({ event, room: where }) => event === 'call-sound' && where === room.jid,
    0,
  );
  for (const leg of ['phone', 'bridge']) {
    const { packetsReceived, packetsSent } = sound[leg] as Record<string, number>;
    assert.ok(Number(packetsReceived) > 10 && Number(packetsSent) > 10, JSON.stringify(sound));
  }
});

// The header's value, and the room that is meant.
const spellings = [
  [['Jitsi-Conference-Room', 'one'], 'one'],
  [['jitsi-conference-ROOM', 'TWO'], 'two'],
  [['Jitsi-Conference-Room', 'three@conference.meet.test'], 'three'],
  [['X-Room-Name', 'four'], 'four'],
  [['x-room-NAME', 'Five@Conference.Meet.Test'], 'five'],
] as const;

for (const [header, name] of spellings) {
  test(`${header.join(': ')} leads to the room ${name}`, async () => {
    const alice = await world.room(name).join('Alice');
    const call = await world.phone.call(world.uri(), { headers: [header] });
    await call.answered();
    const { nick } = await world.occupant(alice);
    const left = alice.waitForLeave(nick);
    await call.hangup();
    await left;
  });
}

test('Jitsi-Conference-Room counts before X-Room-Name', async () => {
  const alice = await world.room('first').join('Alice');
  const call = await world.dialIn('first', { headers: [['X-Room-Name', 'second']] });
  await call.answered();
  await world.occupant(alice);
  await call.hangup();
});

test('a call without a header comes into the default room', async () => {
  const alice = await world.room('lobby').join('Alice');
  const call = await world.phone.call(world.uri('anybody'));
  await call.answered();
  await world.occupant(alice);
  await call.hangup();
});

test('a room of another domain, or what can be no room, is refused with 404 before anything is joined', async () => {
  const { jitsi } = world;
  let requests = 0;
  jitsi.focus.on('requested', () => {
    requests += 1;
  });
  for (const bad of ['demo@elsewhere.example', 'a b', 'demo/nick', '@conference.meet.test', 'a@b@c']) {
    const call = await world.dialIn(bad);
    assert.equal(await call.final(), 404, bad);
    assert.ok(!statuses(call).includes(180), 'it never rang');
  }
  assert.equal(requests, 0);
});

test('a room with a password lets the phone in with it, and refuses it with 403 without', async () => {
  const room = world.room('locked');
  const alice = await room.join('Alice');
  await room.moderation.setPassword('open-sesame');
  const wrong = await world.dialIn('locked', { headers: [['Jitsi-Conference-Room-Pass', 'guess']] });
  assert.equal(await wrong.final(), 403);
  const without = await world.dialIn('locked');
  assert.equal(await without.final(), 403);
  assert.equal(alice.others.size, 0);
  const right = await world.dialIn('locked', { headers: [['Jitsi-Conference-Room-Pass', 'open-sesame']] });
  await right.answered();
  await world.occupant(alice);
  await right.hangup();
  assert.doesNotMatch(world.gateway.text, /open-sesame|guess/, 'no password in the log');
});

test('without a default room a call that names none gets 404', async (t) => {
  const other = await Constellation.start({ env: { JIGASI_SIP_DEFAULT_ROOM: undefined } });
  t.after(() => other.stop());
  const call = await other.phone.call(other.uri());
  assert.equal(await call.final(), 404);
  const refused = await other.gateway.waitFor('call-refused');
  assert.equal(refused.reason, 'no-room');
  assert.match(String(refused.remedy), /JIGASI_SIP_DEFAULT_ROOM/);
});
