import assert from 'node:assert/strict';
import { setImmediate as immediate } from 'node:timers/promises';
import { type Constellation, phoneHearsTones, roomHears, roomHearsTones } from '../../kit/constellation.ts';
import type { Participant } from '../../kit/participant.ts';
import type { RawCall } from '../../kit/raw-call.ts';
import { status } from '../../kit/raw-sip.ts';
import { tone } from '../../kit/tone.ts';

/** A phone and Alice in a room, who hear each other. */
export interface Talk {
  readonly alice: Participant;
  readonly call: RawCall;
  readonly nick: string;
}

/** Alice speaks with 440 Hz, the phone with 1000 Hz. */
export async function startTalk(
  world: Constellation,
  name: string,
  options: { sdp?: 'none' } = {},
): Promise<Talk> {
  const alice = await world.room(name).join('Alice');
  alice.keepSpeaking(tone(440, 48_000, 1, -15));
  const call = await world.dialIn(name, options);
  await call.answered();
  call.audio.say(tone(1000, 8000, 1, -15));
  const { nick } = await world.occupant(alice);
  await world.jitsi.bridge.connected(alice.room, nick);
  return { alice, call, nick };
}

export async function bothWays({ alice, call, nick }: Talk): Promise<void> {
  await Promise.all([phoneHearsTones(call, [440]), roomHearsTones(alice, nick, [1000])]);
}

/** While the room hears something, nothing is sent to the phone. What was sent before the answer to OPTIONS has come by then, and is read in one turn. */
export async function nothingReachesThePhone({ alice, call, nick }: Talk): Promise<void> {
  assert.equal(status(await call.send('OPTIONS')), 200);
  await immediate();
  const { length } = call.audio.recording.packets;
  await roomHears(alice, nick, 0.5);
  assert.equal(call.audio.recording.packets.length, length);
}
