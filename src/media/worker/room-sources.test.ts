import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type AudioEncoder, createAudioEncoder } from '../audio-codec.ts';
import { newRtpHeader } from '../rtp.ts';
import { loadOpus } from './opus.ts';
import type { RoomSource } from './room-source.ts';
import { RoomSources } from './room-sources.ts';

const samples = 160;

/** A room of which the test is every leg. */
async function stage(t: TestContext) {
  await loadOpus();
  const room = new RoomSources(assert.ifError);
  t.after(() => room.close());
  return { room, time: { now: 0 } };
}

async function speaker(t: TestContext, ssrc: number, hz: number) {
  const encoder: AudioEncoder = createAudioEncoder('opus', { rate: 8000 });
  t.after(() => encoder.close());
  await new Promise((resolve) => setImmediate(resolve));
  let count = 0;
  return {
    ssrc,
    /** 20 ms of a tone. */
    packet(audioLevel = 20) {
      const pcm = Int16Array.from({ length: samples }, (_, at) =>
        Math.round(8000 * Math.sin((2 * Math.PI * hz * (count * samples + at)) / 8000)),
      );
      const packet = Buffer.alloc(400);
      const payloadEnd = encoder.encode(pcm, packet);
      const header = {
        ...newRtpHeader(),
        ssrc,
        sequence: (65_500 + count) & 0xffff,
        timestamp: count * 960,
        payloadEnd,
        audioLevel,
      };
      count += 1;
      return { header, packet };
    },
  };
}

type Packet = ReturnType<Awaited<ReturnType<typeof speaker>>['packet']>;

/** What a leg does with a packet; answers why it did not decrypt it. */
function bring(room: RoomSources, source: RoomSource, { header, packet }: Packet, now: number) {
  const why = room.spares(source, header.sequence, header.timestamp, () => header.audioLevel, now);
  if (why === undefined) room.push(source, header, packet, now);
  return why;
}

async function hear(room: RoomSources, now: number, rate: 8000 | 16000 = 8000): Promise<Int16Array> {
  await new Promise((resolve) => setImmediate(resolve)); // a new decoder is ready
  const chosen = room.mixAt(rate, now).choose(() => true);
  room.finish();
  room.tick(now);
  return Int16Array.from(chosen.frame);
}

const rms = (pcm: Int16Array) => Math.sqrt(pcm.reduce((sum, one) => sum + one * one, 0) / pcm.length);

test('a packet that another leg brought is not decrypted, and sounds once', async (t) => {
  const { room } = await stage(t);
  const alice = await speaker(t, 7, 400);
  const source = room.enter(7);
  for (let leg = 1; leg < 3; leg += 1) room.enter(7);
  const spared: (string | undefined)[] = [];
  const levels: number[] = [];
  for (let tick = 0; tick < 100; tick += 1) {
    const packet = alice.packet();
    for (let leg = 0; leg < 3; leg += 1) spared.push(bring(room, source, packet, tick * 20 + leg));
    levels.push(rms(await hear(room, tick * 20 + 5)));
  }
  assert.equal(spared.filter((why) => why === 'shared').length, 200);
  const { packetsReceived, levelDb } = room.statistics(source, 8000);
  assert.deepEqual([packetsReceived, levelDb], [100, -20]);
  for (const level of levels.slice(10)) assert.ok(Math.abs(level - 5657) < 700, `${level}`);
});

test('what was asked about and not authenticated is no copy: a forged header silences nobody', async (t) => {
  const { room } = await stage(t);
  const alice = await speaker(t, 7, 400);
  const source = room.enter(7);
  room.enter(7);
  const levels: number[] = [];
  for (let tick = 0; tick < 50; tick += 1) {
    const packet = alice.packet();
    const { sequence, timestamp } = packet.header;
    // The forger is ahead of each packet, and `push` is never reached: its SRTP tag is wrong.
    for (let ahead = 0; ahead < 20; ahead += 1) {
      const forged = room.spares(
        source,
        (sequence + ahead) & 0xffff,
        timestamp + ahead * 960,
        () => 0,
        tick * 20,
      );
      assert.notEqual(forged, 'shared');
    }
    assert.equal(bring(room, source, packet, tick * 20), undefined, 'the real one is decrypted');
    levels.push(rms(await hear(room, tick * 20 + 5)));
  }
  for (const level of levels.slice(10)) assert.ok(Math.abs(level - 5657) < 700, `${level}`);
});

test('when the leg that brought the packets leaves, the sound goes on from another one', async (t) => {
  const { room } = await stage(t);
  const alice = await speaker(t, 7, 400);
  const source = room.enter(7);
  room.enter(7);
  const levels: number[] = [];
  for (let tick = 0; tick < 100; tick += 1) {
    const packet = alice.packet();
    if (tick === 50) room.leave(source);
    if (tick < 50) assert.equal(bring(room, source, packet, tick * 20), undefined);
    assert.equal(bring(room, source, packet, tick * 20 + 2), tick < 50 ? 'shared' : undefined);
    levels.push(rms(await hear(room, tick * 20 + 5)));
  }
  for (const level of levels.slice(10)) assert.ok(Math.abs(level - 5657) < 700, `${level}`);
  assert.equal(room.statistics(source, 8000).framesConcealed, 0);
  room.leave(source);
  assert.equal(rms(await hear(room, 2005)), 0, 'nobody is told of it any more');
});

test('the sixth loudest is not decrypted; a source that becomes loud is', async (t) => {
  const { room } = await stage(t);
  const loud = await Promise.all([1, 2, 3, 4, 5].map((ssrc) => speaker(t, ssrc, 300 + 50 * ssrc)));
  const quiet = await speaker(t, 6, 900);
  const sources = new Map([1, 2, 3, 4, 5, 6].map((ssrc) => [ssrc, room.enter(ssrc)]));
  const from = (ssrc: number) => sources.get(ssrc) as RoomSource;
  const fates = async (level: number, begin: number) => {
    const all: (string | undefined)[] = [];
    for (let tick = begin; tick < begin + 50; tick += 1) {
      for (const one of loud) bring(room, from(one.ssrc), one.packet(20), tick * 20);
      all.push(bring(room, from(6), quiet.packet(level), tick * 20));
      await hear(room, tick * 20 + 5);
    }
    return all;
  };
  const quietly = await fates(70, 0);
  assert.ok(quietly.every((why) => why === 'quiet'));
  assert.equal(room.statistics(from(1), 8000).packetsReceived, 50);
  const loudly = await fates(5, 50);
  assert.ok(loudly.slice(-30).every((why) => why === undefined));
});

test('a rate at which somebody begins to listen is decoded from then on, beside the others', async (t) => {
  const { room } = await stage(t);
  const alice = await speaker(t, 7, 400);
  const source = room.enter(7);
  const wide: number[] = [];
  for (let tick = 0; tick < 100; tick += 1) {
    bring(room, source, alice.packet(), tick * 20);
    const level = rms(await hear(room, tick * 20 + 5));
    assert.ok(tick < 10 || level > 4000);
    if (tick >= 50) wide.push(rms(await hear(room, tick * 20 + 5, 16000)));
  }
  assert.ok(wide.slice(10).every((level) => level > 4000));
});

test('a leg whose bridge numbers a stream differently is told so, and does not disturb it', async (t) => {
  const { room } = await stage(t);
  const alice = await speaker(t, 7, 400);
  const source = room.enter(7);
  room.enter(7);
  const levels: number[] = [];
  for (let tick = 0; tick < 60; tick += 1) {
    const { header, packet } = alice.packet();
    const other = { ...header, sequence: (header.sequence + 20_000) & 0xffff };
    assert.equal(room.push(source, header, packet, tick * 20), true);
    assert.equal(room.push(source, other, packet, tick * 20 + 1), false);
    levels.push(rms(await hear(room, tick * 20 + 5)));
  }
  for (const level of levels.slice(10)) assert.ok(Math.abs(level - 5657) < 700, `${level}`);
  // The first leg is gone: the stream goes on with the numbers of the other.
  const { header, packet } = alice.packet();
  assert.equal(room.push(source, { ...header, sequence: 7000, timestamp: 5 }, packet, 60 * 20 + 200), true);
});
