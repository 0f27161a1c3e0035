import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createAudioDecoder } from '../audio-codec.ts';
import type { PhoneMedia } from '../media-engine.ts';
import { phoneMedia } from '../phone-media.fixture.ts';
import { Playout } from '../playout.ts';
import { ReceptionReport } from '../reception-report.ts';
import { type PhonePacket, readPacket } from './call.fixture.ts';
import { Mix } from './mix.ts';
import { loadOpus } from './opus.ts';
import { PhoneSender } from './phone-sender.ts';
import { PhoneSrtp } from './phone-srtp.ts';
import { RateMix } from './rate-mix.ts';

await loadOpus();

const opus: Partial<PhoneMedia> = { codec: 'opus', sendPayloadType: 96, dtx: true };
const noise: Partial<PhoneMedia> = { codec: 'PCMU', comfortNoise: 13 };
/** Packets that still carry silence after a sound, then how often a pause is refreshed. */
const [tail, refresh] = [10, 20];

interface Sent extends PhonePacket {
  /** In which 20 ms it was sent. */
  readonly tick: number;
}

/** A phone that hears silence, or a tone. */
async function listener(t: TestContext, changes: Partial<PhoneMedia>) {
  const sender = new PhoneSender(phoneMedia(4000, changes), undefined, new PhoneSrtp());
  t.after(() => sender.close());
  const mix = new Mix(changes.codec === 'opus' ? 48_000 : 8000);
  let tick = 0;
  const hear = (ticks: number, hertz: number): Sent[] => {
    const sent: Sent[] = [];
    for (const end = tick + ticks; tick < end; tick += 1) {
      for (let at = 0; at < mix.frame.length; at += 1)
        mix.frame[at] = 8000 * Math.sin((2 * Math.PI * hertz * (tick * mix.frame.length + at)) / mix.rate);
      mix.renew();
      sender.send(mix, undefined, (packet, length) =>
        sent.push({ ...readPacket(Buffer.from(packet.subarray(0, length))), tick }),
      );
    }
    return sent;
  };
  hear(1, 400); // makes the encoder, which is ready for the next event
  await new Promise((resolve) => setImmediate(resolve));
  hear(20, 400);
  return { hear, mix };
}

test('who asked for DTX gets 200 ms of silence, then one packet in 400 ms, and the next sound at once', async (t) => {
  for (const changes of [opus, noise]) {
    const { hear } = await listener(t, changes);
    const [first] = hear(1, 400);
    const from = (first?.tick ?? 0) + 1;
    const silence = hear(100, 0);
    assert.deepEqual(
      silence.map(({ tick }) => tick - from),
      [...Array(tail).keys(), ...[0, 1, 2, 3, 4].map((count) => tail + count * refresh)],
    );
    const [onset, ...speech] = hear(10, 400);
    assert.equal(onset?.tick, from + 100, 'the first 20 ms are sent');
    assert.equal(onset.header.marker, true, 'a talk spurt begins (RFC 3551 §4.1)');
    assert.ok([...silence, ...speech].every(({ header }) => !header.marker));
    assert.equal(speech.length, 9);
  }
});

test('the pause is no loss and no jitter for who receives it', async (t) => {
  for (const changes of [opus, noise]) {
    const { hear } = await listener(t, changes);
    const clockRate = changes.codec === 'opus' ? 48_000 : 8000;
    const report = new ReceptionReport(1, clockRate);
    const packets = [...hear(30, 400), ...hear(150, 0), ...hear(30, 400), ...hear(100, 0), ...hear(5, 400)];
    for (const { header, tick } of packets) report.received(header.sequence, header.timestamp, tick * 20);
    assert.equal(report.packetsLost, 0);
    assert.equal(Math.round(report.jitterMs), 0);
    const [first, last] = [packets[0], packets.at(-1)];
    assert.ok(first && last);
    const ticks = (last.header.timestamp - first.header.timestamp) >>> 0;
    assert.equal(ticks, ((last.tick - first.tick) * clockRate) / 50, 'the RTP time went on');
  }
});

test('a phone that takes comfort noise gets it in place of silence, at the end of the sound', async (t) => {
  const { hear } = await listener(t, noise);
  const packets = hear(100, 0);
  const comfort = packets.slice(tail);
  assert.ok(packets.slice(0, tail).every(({ header }) => header.payloadType === 0));
  for (const { header, payload } of comfort) {
    assert.equal(header.payloadType, 13);
    assert.deepEqual([...payload], [127]);
  }
});

test('at 60 ms a packet it is the same', async (t) => {
  const { hear } = await listener(t, { ...opus, ptimeMs: 60 });
  hear(15, 0);
  const pause = hear(300, 0);
  assert.ok(pause.length <= 1 + 6000 / 400, `${pause.length} packets in six seconds`);
  assert.ok(pause.length >= 6000 / 480, `${pause.length} packets in six seconds`);
});

test('who did not ask hears every packet of silence', async (t) => {
  const { hear } = await listener(t, { codec: 'opus', sendPayloadType: 96 });
  assert.equal(hear(100, 0).length, 100);
});

test('pauses click at neither end, and the beginning of the next word is whole', async (t) => {
  const heard = await Promise.all(
    [opus, { ...opus, dtx: undefined }].map(async ({ dtx, ...rest }) => {
      const { hear } = await listener(t, dtx ? { ...rest, dtx } : rest);
      const packets = [...hear(25, 400), ...hear(100, 0), ...hear(25, 400)];
      return played(t, packets);
    }),
  );
  const [paused, whole] = heard;
  assert.ok(paused && whole);
  assert.equal(paused.length, whole.length);
  const difference = paused.reduce(
    (most, sample, at) => Math.max(most, Math.abs(sample - (whole[at] as number))),
    0,
  );
  assert.ok(difference < 400, `${difference} of 8000`);
});

test('phones that pause and phones that do not share one encoded frame', async (t) => {
  const room = new RateMix(48_000);
  t.after(() => room.close());
  const frame = new Int16Array(960);
  const senders = [opus, opus, { codec: 'opus', sendPayloadType: 96 } as const].map(
    (changes) => new PhoneSender(phoneMedia(4000, changes), undefined, new PhoneSrtp()),
  );
  t.after(() => {
    for (const sender of senders) sender.close();
  });
  const tick = (amplitude: number): string[] => {
    frame.forEach((_, at) => {
      frame[at] = amplitude * Math.sin(at / 20);
    });
    room.begin([{ ssrc: 1, frame }]);
    const mix = room.choose(() => true);
    room.finish();
    return senders.flatMap((sender) => {
      const sent: string[] = [];
      sender.send(mix, room, (packet, length) =>
        sent.push(readPacket(Buffer.from(packet.subarray(0, length))).payload.toString('hex')),
      );
      return sent;
    });
  };
  tick(8000);
  await new Promise((resolve) => setImmediate(resolve));
  for (const amplitude of [8000, 0, 8000]) {
    const packets = Array.from({ length: 15 }, () => tick(amplitude));
    for (const same of packets) assert.equal(new Set(same).size, 1);
    assert.equal(packets.at(-1)?.length, amplitude === 0 ? 1 : 3);
  }
});

/** The packets through a jitter buffer and a decoder, as they came. */
function played(t: TestContext, packets: readonly Sent[]): number[] {
  const playout = new Playout(createAudioDecoder('opus', 48_000));
  t.after(() => playout.close());
  const first = packets[0]?.tick ?? 0;
  const last = packets.at(-1)?.tick ?? 0;
  const samples: number[] = [];
  const frame = new Int16Array(960);
  for (let tick = first; tick <= last; tick += 1) {
    const now = tick * 20;
    for (const { header, datagram, tick: at } of packets)
      if (at === tick) playout.push(header, datagram, now);
    samples.push(...(playout.read(now + 5, frame) ? frame : new Int16Array(960)));
  }
  return samples;
}
