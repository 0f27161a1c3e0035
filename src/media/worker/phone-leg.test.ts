import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { dtmfFrequencies } from '../dtmf-tones.ts';
import { encodeAlaw, encodeMulaw } from '../g711.ts';
import type { PhoneMedia } from '../media-engine.ts';
import { phoneMedia } from '../phone-media.fixture.ts';
import { SrtpContext } from '../srtp.ts';
import { bind, key, open, phonePacket, speech } from './call.fixture.ts';
import { PhoneLeg } from './phone-leg.ts';

/** The leg of one phone, on a clock that the test moves. */
async function legStage(t: TestContext) {
  const digits: string[] = [];
  let now = 0;
  let leg: PhoneLeg | undefined;
  const port = await bind({
    async bindPhone(rtpPort, rtcpPort) {
      const bound = await PhoneLeg.bind({
        address: '127.0.0.1',
        rtpPort,
        rtcpPort,
        now: () => now,
        onHeard: () => {},
        onSilent: () => {},
        onDigit: ({ digit }) => digits.push(digit),
        guard: (work) => work(),
      });
      if (!bound.ok) return bound;
      leg = bound.value;
      return { ok: true, value: null };
    },
  });
  assert.ok(leg);
  const opened = leg;
  t.after(() => opened.close());
  const phone = await open(t);
  const counted = () => {
    const { packetsReceived, dropped } = opened.statistics();
    return Object.values(dropped).reduce((sum, count) => sum + count, packetsReceived);
  };
  return {
    leg: opened,
    digits,
    connect: (changes: Partial<PhoneMedia> = {}) => opened.connect(phoneMedia(phone.address().port, changes)),
    /** The packet comes, and no time passes. */
    async receive(packet: Buffer): Promise<void> {
      const wanted = counted() + 1;
      phone.send(packet, port, '127.0.0.1');
      while (counted() < wanted) await new Promise((resolve) => setImmediate(resolve));
    },
    /** The packet comes (undefined: none), 20 ms pass; answers the peak of what goes to the room. */
    async peak(packet: Buffer | undefined): Promise<number> {
      if (packet !== undefined) await this.receive(packet);
      now += 20;
      const frame = new Int16Array(160);
      const isHeard = opened.read(now, frame);
      opened.tick(now);
      return isHeard ? Math.max(...frame) : 0;
    },
  };
}

test('digits do not sound in the room, nor does what a decoder makes up for the pause', async (t) => {
  const stage = await legStage(t);
  stage.connect();
  const before = await roomHears(stage, [...speech(0, 15, 0)]);
  assert.ok(loud(before) > 10, 'the voice is heard');
  const during = await roomHears(stage, key(1, 15, 15 * 160));
  assert.equal(loud(during), 0);
  const after = await roomHears(stage, speech(22, 37, 22 * 160));
  assert.ok(loud(after) > 10, 'the voice is heard again');
  assert.equal(stage.leg.statistics().packetsLost, 0);
});

test('a phone that sends its tones in the audio as well is not heard while a key is down', async (t) => {
  const stage = await legStage(t);
  stage.connect();
  await roomHears(stage, speech(0, 15, 0));
  const tones = speech(20, 27, 15 * 160);
  const both = key(1, 15, 15 * 160)
    .slice(0, 4)
    .flatMap((event, index) => [event, tones[index] as Buffer]);
  assert.equal(loud(await roomHears(stage, both)), 0);
  assert.deepEqual(stage.digits, [], 'the key is still down');
});

test('a pause for an event is no loss, also when more audio waits already', async (t) => {
  const stage = await legStage(t);
  stage.connect();
  await roomHears(stage, speech(0, 15, 0));
  const burst = [...key(1, 15, 15 * 160), ...speech(22, 30, 22 * 160)];
  for (const packet of burst) await stage.receive(packet);
  await roomHears(
    stage,
    Array.from({ length: 20 }, () => undefined),
  );
  const { framesConcealed = 0 } = stage.leg.statistics();
  assert.ok(
    framesConcealed <= 6,
    `${framesConcealed} frames, where only the end of all packets is made up for`,
  );
});

test('comfort noise is a pause, not a loss, and nothing unknown', async (t) => {
  const stage = await legStage(t);
  stage.connect();
  await roomHears(stage, speech(0, 15, 0));
  const noise = phonePacket({ payloadType: 13, sequence: 15, timestamp: 15 * 160 }, Buffer.from([60]));
  assert.ok(loud(await roomHears(stage, [noise, noise, noise, noise, noise])) <= 2, 'what was queued');
  assert.deepEqual(stage.leg.statistics().dropped, {});
});

test('tones in the audio are heard as digits when that is wanted and nothing better was negotiated', async (t) => {
  for (const [changes, expected] of [
    [{ telephoneEvent: undefined, detectTones: true }, '7'],
    [{ telephoneEvent: undefined }, ''],
    [{ detectTones: true }, ''],
  ] as const) {
    const stage = await legStage(t);
    stage.connect(changes);
    const tone = Buffer.alloc(160 * 8);
    const [low, high] = dtmfFrequencies('7') ?? [0, 0];
    const wave = (hertz: number, at: number) => 8000 * Math.sin((2 * Math.PI * hertz * at) / 8000);
    encodeMulaw(
      Int16Array.from({ length: tone.length }, (_, at) => wave(low, at) + wave(high, at)),
      tone,
      0,
    );
    const packets = [...Array(8).keys()].map((index) =>
      phonePacket({ sequence: index, timestamp: index * 160 }, tone.subarray(index * 160, index * 160 + 160)),
    );
    const quiet = [...Array(8).keys()].map((index) =>
      phonePacket({ sequence: 8 + index, timestamp: (8 + index) * 160 }, Buffer.alloc(160, 0xff)),
    );
    await roomHears(stage, [...packets, ...quiet]);
    assert.equal(stage.digits.join(''), expected);
  }
});

test('padding, header extensions and CSRCs are no audio', async (t) => {
  const plain = speech(0, 20, 0);
  const heard = async (packets: readonly Buffer[], changes: Partial<PhoneMedia> = {}) => {
    const stage = await legStage(t);
    stage.connect(changes);
    const peaks = await roomHears(stage, packets);
    assert.deepEqual(stage.leg.statistics().dropped, {});
    return peaks;
  };
  const expected = await heard(plain);
  assert.ok(loud(expected) > 15);
  assert.deepEqual(await heard(plain.map(decorated)), expected);
  const [sendKey, receiveKey] = [Buffer.alloc(30, 1), Buffer.alloc(30, 2)];
  const sealer = new SrtpContext(
    'AES_CM_128_HMAC_SHA1_80',
    receiveKey.subarray(0, 16),
    receiveKey.subarray(16),
  );
  const sealed = plain.map(decorated).map((packet) => {
    const buffer = Buffer.concat([packet, Buffer.alloc(20)]);
    return buffer.subarray(0, sealer.protect(buffer, packet.length));
  });
  const srtp = {
    profile: 'AES_CM_128_HMAC_SHA1_80',
    sendKey: sendKey.toString('base64'),
    receiveKey: receiveKey.toString('base64'),
  } as const;
  assert.deepEqual(await heard(sealed, { srtp }), expected);
});

test('a lost packet is made up for, so that the room hears no hole', async (t) => {
  const stage = await legStage(t);
  stage.connect();
  const packets = speech(0, 40, 0).filter((_, index) => index % 10 !== 7);
  const peaks: number[] = [];
  for (let index = 0, next = 0; index < 40; index += 1) {
    const packet = index % 10 === 7 ? undefined : packets[next++];
    peaks.push(await stage.peak(packet));
  }
  assert.ok(Math.min(...peaks.slice(5)) > 4000, `${peaks}`);
  assert.equal(stage.leg.statistics().packetsLost, 4);
  assert.ok((stage.leg.statistics().mos ?? 5) < 4);
});

test('a phone that changes between the codecs of its answer is heard on', async (t) => {
  const stage = await legStage(t);
  stage.connect({ alternatives: [{ codec: 'PCMA', payloadType: 8 }] });
  const alaw = Buffer.alloc(160);
  const wave = Int16Array.from({ length: 160 }, (_, at) => 8000 * Math.sin((2 * Math.PI * 400 * at) / 8000));
  encodeAlaw(wave, alaw, 0);
  const changed = Array.from({ length: 15 }, (_, index) =>
    phonePacket({ payloadType: 8, sequence: 15 + index, timestamp: (15 + index) * 160 }, alaw),
  );
  const peaks = await roomHears(stage, [...speech(0, 15, 0), ...changed, ...speech(30, 45, 30 * 160)]);
  assert.ok(loud(peaks) > 35, `${peaks}`);
  assert.ok(Math.max(...peaks) < 9000, 'nothing is decoded as what it is not');
  assert.deepEqual(stage.leg.statistics().dropped, {});
});

/** The packet with everything that RTP allows beside its payload (RFC 3550 §5.1). */
function decorated(packet: Buffer): Buffer {
  const head = Buffer.from(packet.subarray(0, 12));
  head[0] = 0x80 | 0x20 | 0x10 | 2;
  const sources = Buffer.from('0000000100000002', 'hex');
  const extension = Buffer.from('bede000110ff0000', 'hex');
  return Buffer.concat([head, sources, extension, packet.subarray(12), Buffer.from([0, 0, 0, 4])]);
}

/** Peaks of the frames that go to the room while the packets come, one each 20 ms. */
async function roomHears(
  stage: Awaited<ReturnType<typeof legStage>>,
  packets: readonly (Buffer | undefined)[],
): Promise<number[]> {
  const peaks: number[] = [];
  for (const packet of packets) peaks.push(await stage.peak(packet));
  return peaks;
}

const loud = (peaks: readonly number[]): number => peaks.filter((peak) => peak > 100).length;
