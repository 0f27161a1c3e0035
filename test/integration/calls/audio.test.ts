import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { dominant, gaps, level } from '../../kit/analysis.ts';
import { type BaresipCodec, startBaresip } from '../../kit/baresip.ts';
import { assertTones, Constellation, phoneHears, roomHears } from '../../kit/constellation.ts';
import type { Participant } from '../../kit/participant.ts';
import { cut, type Sound, seconds } from '../../kit/sound.ts';
import { tone } from '../../kit/tone.ts';
import { until } from '../../kit/until.ts';

// What is said on one side is heard on the other, at its frequency, as loud, and without a gap, with every codec.

let world: Constellation;
let alice: Participant;

before(async () => {
  world = await Constellation.start({ defaultRoom: 'talk' });
  alice = await world.room('talk').join('Alice');
  alice.keepSpeaking(tone(440, 48_000, 1, -15));
});
afterEach((t) => world.report(t));
after(() => world.stop());

/** A second without a gap, listened to at most ten times: what is systematic is in each, what a busy machine does is not. */
async function steadySecond(listen: (seconds: number) => Promise<Sound>, hz: number): Promise<Sound> {
  const found = [];
  for (let attempt = 1; attempt <= 10; attempt += 1) {
    const heard = await listen(1);
    const broken = gaps(heard, hz);
    if (broken.length === 0 && level(heard) > -40) return heard;
    found.push({ level: level(heard), broken });
  }
  assert.fail(`gaps in each of ten recordings: ${JSON.stringify(found)}`);
}

/** The last second in which the tone goes on without a gap. */
function steadyStretch(sound: Sound, hz: number): Sound | undefined {
  for (let end = seconds(sound) - 0.1; end > 1; end -= 0.1) {
    const stretch = cut(sound, end - 1, end);
    if (level(stretch) > -40 && gaps(stretch, hz).length === 0) return stretch;
  }
  return undefined;
}

for (const codec of ['PCMU', 'PCMA'] as const) {
  test(`${codec}: tones are heard both ways, as loud as they were said and without a gap`, async () => {
    const name = codec.toLowerCase();
    const bob = await world.room(name).join('Bob');
    bob.keepSpeaking(tone(440, 48_000, 1, -15));
    const payloadType = codec === 'PCMU' ? 0 : 8;
    const call = await world.dialIn(name, { codec, payloadTypes: [payloadType, 101] });
    await call.answered();
    assert.deepEqual(call.remoteSdp?.payloadTypes, [payloadType, 101]);
    call.audio.say(tone(1000, 8000, 1, -15));
    const { nick } = await world.occupant(bob);
    await world.jitsi.bridge.connected(bob.room, nick);
    const [phoneSide, roomSide] = await Promise.all([
      steadySecond((length) => phoneHears(call, length), 440),
      steadySecond((length) => roomHears(bob, nick, length), 1000),
    ]);
    assertTones(phoneSide, [440], -15, 1);
    assertTones(roomSide, [1000], -15, 1);
    const { recording } = call.audio;
    assert.deepEqual(new Set(recording.packets.map((packet) => packet.payloadType)), new Set([payloadType]));
    const { lost, reordered, duplicates } = recording.loss();
    assert.deepEqual([lost, reordered, duplicates], [0, 0, 0]);
    await call.hangup();
  });
}

// Wideband: a tone that G.711 could not carry goes with it.
const wide = [
  ['G722', 5000],
  ['opus', 7000],
] as const;

for (const [codec, hz] of wide) {
  test(`${codec} with a real phone: tones above the telephone band are heard both ways`, async (t) => {
    const phone = await startBaresip({
      user: 'wide',
      codecs: [codec as BaresipCodec],
      says: tone(hz, 48_000, 1, -15),
    });
    t.after(() => phone.stop());
    alice.keepSpeaking(tone(hz - 700, 48_000, 1, -15));
    const position = world.gateway.position;
    await phone.dial(world.uri());
    await phone.event('CALL_ESTABLISHED');
    const { nick } = await world.occupant(alice);
    const agreed = await world.gateway.waitFor('phone-media', position);
    assert.equal(agreed.codec, codec);
    await world.jitsi.bridge.connected(alice.room, nick);
    assertTones(await steadySecond((length) => roomHears(alice, nick, length), hz), [hz]);
    await until('the phone has recorded enough', () => seconds(phone.heard()) > 3);
    const left = alice.waitForLeave(nick);
    await phone.hangup();
    await left;
    const heard = phone.heard();
    const stretch = steadyStretch(heard, hz - 700);
    assert.ok(stretch, `no second without a gap: ${JSON.stringify(gaps(heard, hz - 700))}`);
    assertTones(stretch, [hz - 700]);
  });
}

test('a phone that is silent is silent in the room, and the other way round', async () => {
  alice.silent();
  const call = await world.dialIn('talk');
  await call.answered();
  call.audio.say(undefined);
  const { nick } = await world.occupant(alice);
  await world.jitsi.bridge.connected(alice.room, nick);
  const [phoneSide, roomSide] = await Promise.all([phoneHears(call, 1), roomHears(alice, nick, 1)]);
  for (const side of [phoneSide, roomSide])
    assert.ok(level(side) < -60, `${level(side)} dBFS, ${dominant(side)}`);
  await call.hangup();
});
