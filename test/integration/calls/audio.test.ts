import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { dominant, gaps, level } from '../../kit/analysis.ts';
import { type BaresipCodec, startBaresip } from '../../kit/baresip.ts';
import { assertTones, Constellation, phoneHears, roomHears } from '../../kit/constellation.ts';
import type { Participant } from '../../kit/participant.ts';
import { cut, type Sound, seconds } from '../../kit/sound.ts';
import { tone } from '../../kit/tone.ts';

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

/**
 * Two seconds without a gap, listened to at most three times: a systematic gap is in each of them, a moment in which this
 * machine was busy is not.
 */
async function assertSteady(listen: () => Promise<Sound>, hz: number): Promise<void> {
  const found = [];
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    const heard = await listen();
    const broken = gaps(heard, hz);
    if (broken.length === 0) return;
    found.push(broken);
  }
  assert.deepEqual(found, [], 'gaps in each of three recordings');
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
    const payloadType = codec === 'PCMU' ? 0 : 8;
    const call = await world.dialIn('talk', { codec, payloadTypes: [payloadType, 101] });
    await call.answered();
    assert.deepEqual(call.remoteSdp?.payloadTypes, [payloadType, 101]);
    call.audio.say(tone(1000, 8000, 1, -15));
    const { nick } = await world.occupant(alice);
    const left = alice.waitForLeave(nick);
    await world.jitsi.bridge.connected(alice.room, nick);
    await Promise.all([phoneHears(call, 0.5), roomHears(alice, nick, 0.5)]); // what comes first is cut in half
    const [phoneSide, roomSide] = await Promise.all([phoneHears(call, 1), roomHears(alice, nick, 1)]);
    assertTones(phoneSide, [440], -15, 1);
    assertTones(roomSide, [1000], -15, 1);
    await Promise.all([
      assertSteady(() => phoneHears(call, 2), 440),
      assertSteady(() => roomHears(alice, nick, 2), 1000),
    ]);
    assert.equal(call.audio.recording.packets.at(-1)?.payloadType, payloadType);
    assert.deepEqual([call.audio.recording.loss().lost, call.audio.recording.loss().reordered], [0, 0]);
    await call.hangup();
    await left;
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
    await roomHears(alice, nick, 1);
    assertTones(await roomHears(alice, nick, 1), [hz]);
    await assertSteady(() => roomHears(alice, nick, 2), hz);
    const left = alice.waitForLeave(nick);
    await phone.hangup();
    await left;
    const heard = phone.heard();
    assert.ok(seconds(heard) > 3, `the phone heard ${seconds(heard)} s`);
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
