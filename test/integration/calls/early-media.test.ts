import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { Constellation, phoneHearsTones } from '../../kit/constellation.ts';
import type { RawCall } from '../../kit/raw-call.ts';
import { parseSdp, type RawMessage, status, value } from '../../kit/raw-sip.ts';
import { tone } from '../../kit/tone.ts';
import { writeWav } from '../../kit/wav.ts';

// What a caller hears before the answer (JIGASI_SIP_EARLY_MEDIA). The operator's files are tones here, so that they can be told apart.

const words = { waiting: 800, 'room-password': 600 } as const;

let world: Constellation;
let directory: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'jigasi-sounds-'));
  await mkdir(join(directory, 'en'));
  for (const [name, hz] of Object.entries(words))
    writeWav(join(directory, 'en', `${name}.wav`), tone(hz, 48_000, 4, -12));
  const env = {
    JIGASI_SOUNDS_DIRECTORY: directory,
    JIGASI_SIP_EARLY_MEDIA: 'true',
    // Who is alone waits for somebody.
    JIGASI_ALONE_ANSWER_MS: '60000',
  };
  world = await Constellation.start({ env });
});
afterEach((t) => world.report(t));
after(async () => {
  await world.stop();
  await rm(directory, { recursive: true });
});

/** The caller hears this tone and nothing else, while its INVITE has no final answer. */
async function hearsUnanswered(call: RawCall, hz: number): Promise<void> {
  await phoneHearsTones(call, [hz], -12);
  assert.deepEqual(
    call.responses.all.map(status).filter((code) => (code ?? 0) >= 200),
    [],
  );
}

/** Joins a room so that the caller who waits in it is answered. */
async function somebodyComes(call: RawCall, name: string): Promise<void> {
  const alice = await world.room(name).join('Alice');
  alice.keepSpeaking(tone(440, 48_000, 1, -15));
  await call.answered();
  call.audio.say(tone(1000, 8000, 1, -15));
  await phoneHearsTones(call, [440]);
  const left = alice.waitForLeave((await world.occupant(alice)).nick);
  await call.hangup();
  await left;
}

/** A room that nobody gets into without a password. */
async function lock(name: string): Promise<void> {
  const room = world.room(name);
  await room.join('Alice');
  await room.moderation.setPassword('s3same');
}

test('a caller who waits hears so before the answer, and then the room', async () => {
  const call = await world.dialIn('wait');
  const progress = await call.response(183);
  assert.ok(parseSdp(progress.body));
  await hearsUnanswered(call, words.waiting);
  await somebodyComes(call, 'wait');
});

test('a caller who is refused hears why, and then gets the refusal', async () => {
  await lock('locked');
  const call = await world.dialIn('locked');
  await call.response(183);
  await hearsUnanswered(call, words['room-password']);
  assert.equal(await call.final(), 403);
  assert.equal((await world.callEnded('locked')).reason, 'room-password');
  await world.idle();
});

test('a caller who gives up while something is said to it leaves nothing behind', async () => {
  await lock('given-up');
  const refused = await world.dialIn('given-up');
  await refused.response(183);
  await hearsUnanswered(refused, words['room-password']);
  assert.equal(await refused.cancel(), 200);
  assert.equal(await refused.final(), 487);
  const waiting = await world.dialIn('nobody');
  await waiting.response(183);
  await hearsUnanswered(waiting, words.waiting);
  assert.equal(await waiting.cancel(), 200);
  assert.equal(await waiting.final(), 487);
  await world.idle();
});

test('a caller that requires reliable provisional responses hears it, too', async () => {
  const call = await world.dialIn('reliable', { headers: [['Require', '100rel']] });
  const acknowledge = async (response: RawMessage): Promise<void> => {
    const rack = `${value(response, 'RSeq')} ${value(response, 'CSeq')}`;
    assert.equal(status(await call.send('PRACK', { headers: [['RAck', rack]] })), 200);
  };
  await acknowledge(await call.response(180));
  const progress = await call.response(183);
  assert.equal(value(progress, 'Require'), '100rel');
  await acknowledge(progress);
  await hearsUnanswered(call, words.waiting);
  await somebodyComes(call, 'reliable');
});

test('a caller without an offer is not told to wait, and is answered all the same', async () => {
  const call = await world.dialIn('offerless', { sdp: 'none' });
  const alice = await world.room('offerless').join('Alice');
  await call.answered();
  assert.ok(call.responses.all.every((message) => status(message) !== 183));
  const left = alice.waitForLeave((await world.occupant(alice)).nick);
  await call.hangup();
  await left;
});
