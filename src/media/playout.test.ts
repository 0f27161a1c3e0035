import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Codec } from '../config/config.ts';
import { type AudioDecoder, createAudioDecoder, createAudioEncoder } from './audio-codec.ts';
import { Playout } from './playout.ts';
import { newRtpHeader } from './rtp.ts';
import { lengthen, shorten } from './time-scale.ts';
import { loadOpus } from './worker/opus.ts';

interface Scene {
  codec?: Codec;
  rate?: 8000 | 16000 | 48000;
  hz?: number;
  packets: number;
  /** Undefined: the packet is lost. */
  delayMs: (n: number) => number | undefined;
  /** Packets from this one on are silent. */
  silentFrom?: number;
  /** Packet duration; default 20. */
  ms?: 10 | 20 | 60 | 120;
}

function push(playout: Playout, sequence: number, timestamp: number, payload: Buffer, atMs: number): void {
  const header = { ...newRtpHeader(), sequence, timestamp, payloadEnd: payload.length };
  playout.push(header, payload, atMs);
}

/** Sends a tone through packets, network and playout; answers what is heard. */
async function hear(scene: Scene) {
  const codec = scene.codec ?? 'PCMU';
  await loadOpus();
  const encoder = createAudioEncoder(codec);
  const decoder: AudioDecoder = createAudioDecoder(codec, scene.rate);
  await new Promise(setImmediate);
  const playout = new Playout(decoder);
  const ms = scene.ms ?? 20;
  const samples = (encoder.rate / 1000) * ms;
  const arrivals: { at: number; n: number; payload: Buffer }[] = [];
  for (let n = 0; n < scene.packets; n++) {
    const pcm = Int16Array.from({ length: samples }, (_, at) =>
      n >= (scene.silentFrom ?? Number.POSITIVE_INFINITY)
        ? 0
        : Math.round(8000 * Math.sin((2 * Math.PI * (scene.hz ?? 400) * (n * samples + at)) / encoder.rate)),
    );
    const out = Buffer.alloc(1500);
    const payload = Buffer.from(out.subarray(0, encoder.encode(pcm, out)));
    const delay = scene.delayMs(n);
    if (delay !== undefined) arrivals.push({ at: (n + 1) * ms + delay, n, payload });
  }
  arrivals.sort((a, b) => a.at - b.at);
  const heard: Int16Array[] = [];
  const sounding: boolean[] = [];
  for (let now = 7; now < scene.packets * ms; now += 20) {
    while (arrivals[0] && arrivals[0].at <= now) {
      const { at, n, payload } = arrivals.shift() as (typeof arrivals)[0];
      push(playout, n & 0xffff, (n * ms * encoder.clockRate) / 1000, payload, at);
    }
    const frame = new Int16Array(playout.frameLength);
    sounding.push(playout.read(now, frame));
    heard.push(frame);
  }
  encoder.close();
  playout.close();
  const pcm = new Int16Array(heard.length * playout.frameLength);
  for (const [n, frame] of heard.entries()) pcm.set(frame, n * frame.length);
  return { pcm, heard, sounding, playout };
}

function rms(pcm: Int16Array): number {
  return Math.sqrt(pcm.reduce((sum, sample) => sum + sample * sample, 0) / pcm.length);
}

/** A tone of 400 Hz at this level moves by no more than this from sample to sample, unless it is torn. */
function assertUntorn(pcm: Int16Array, rate: number, hz = 400): void {
  const natural = (8000 * 2 * Math.PI * hz) / rate;
  for (let at = 1; at < pcm.length; at++) {
    const step = Math.abs((pcm[at] as number) - (pcm[at - 1] as number));
    if (step > natural * 1.3 + 200) assert.fail(`a step of ${step} at ${at}, ${natural} is natural`);
  }
}

for (const [codec, rate] of [
  ['PCMU', 8000],
  ['PCMA', 8000],
  ['G722', 16000],
  ['opus', 48000],
  ['opus', 8000],
] as const) {
  test(`${codec} at ${rate} Hz over a clean network: all frames sound, none is made up`, async () => {
    const { heard, playout, sounding } = await hear({ codec, rate, packets: 100, delayMs: () => 3 });
    for (const frame of heard.slice(6))
      assert.ok(Math.abs(rms(frame) - 8000 / Math.SQRT2) < 700, `${rms(frame)}`);
    assert.ok(sounding.slice(3).every(Boolean));
    assert.equal(playout.framesConcealed, 0);
    assert.ok(playout.bufferMs <= 25, `${playout.bufferMs}`);
  });
}

for (const codec of ['PCMU', 'opus'] as const) {
  for (const ms of [10, 120] as const) {
    test(`${codec} in packets of ${ms} ms is heard without a gap`, async () => {
      const { heard, playout } = await hear({ codec, rate: 8000, ms, packets: 3000 / ms, delayMs: () => 3 });
      for (const frame of heard.slice(20, 140)) assert.ok(rms(frame) > 4500, `${rms(frame)}`);
      const { late, malformed, restarts, cut } = playout.buffer.counters;
      assert.deepEqual([late, malformed, restarts, cut, playout.malformed], [0, 0, 0, 0, 0]);
    });
  }
}

/** A buzz that glides and swells as a voice does, in Opus packets of 20 ms. */
async function voicePackets(count: number): Promise<Buffer[]> {
  const pcm = new Int16Array(count * 320);
  let phase = 0;
  for (let at = 0; at < pcm.length; at++) {
    phase += (110 + 30 * Math.sin((2 * Math.PI * at) / 16_000)) / 16_000;
    const swell = 0.6 + 0.4 * Math.sin((2 * Math.PI * 5 * at) / 16_000);
    for (let harmonic = 1; harmonic <= 12; harmonic++)
      pcm[at] = (pcm[at] as number) + (2500 * swell * Math.sin(2 * Math.PI * harmonic * phase)) / harmonic;
  }
  await loadOpus();
  const encoder = createAudioEncoder('opus', { rate: 16_000, expectedLoss: 10 });
  await new Promise(setImmediate);
  const out = Buffer.alloc(1500);
  const packets = Array.from({ length: count }, (_, n) => {
    const length = encoder.encode(pcm.subarray(n * 320, (n + 1) * 320), out);
    return Buffer.from(out.subarray(0, length));
  });
  encoder.close();
  return packets;
}

/** Plays them at 16 kHz, each lost one missing; undefined packets are lost. */
async function playOpus(packets: readonly (Buffer | undefined)[]): Promise<Int16Array> {
  const decoder = createAudioDecoder('opus', 16_000);
  await new Promise(setImmediate);
  const playout = new Playout(decoder);
  const frames = packets.map((payload, n) => {
    if (payload !== undefined) push(playout, n, n * 960, payload, n * 20);
    const frame = new Int16Array(320);
    playout.read(n * 20 + 9, frame);
    return frame;
  });
  playout.close();
  return Int16Array.from(frames.flatMap((frame) => [...frame]));
}

test('a lost packet of Opus is restored from its copy, not guessed', async () => {
  const packets = await voicePackets(400);
  const isLost = (n: number) => n % 12 === 11;
  const withoutCopies = packets.map((packet, n) => (isLost(n - 1) || isLost(n) ? undefined : packet));
  const [whole, repaired, guessed] = [
    await playOpus(packets),
    await playOpus(packets.map((packet, n) => (isLost(n) ? undefined : packet))),
    await playOpus(withoutCopies),
  ];
  // From the second half on the delay is settled; it is a packet longer where one is lost.
  const error = (heard: Int16Array, from: number) => {
    let least = Number.POSITIVE_INFINITY;
    for (let lag = 0; lag <= 2000; lag += 1) {
      let sum = 0;
      for (let at = from; at < from + 48_000; at += 3)
        sum += ((heard[at + lag] ?? 0) - (whole[at] as number)) ** 2;
      least = Math.min(least, sum);
    }
    return least;
  };
  const energy = whole.subarray(64_000, 112_000).reduce((sum, sample) => sum + sample * sample, 0) / 3;
  const [restored, made] = [error(repaired, 64_000) / energy, error(guessed, 64_000) / energy];
  assert.ok(restored < 0.05, `noise ${restored} of the signal`);
  assert.ok(restored < made / 3, `${restored}, guessed ${made}`);
});

test('packets of 60 ms give three frames each', async () => {
  const { heard, pcm, playout } = await hear({
    codec: 'opus',
    hz: 430,
    packets: 40,
    ms: 60,
    delayMs: () => 3,
  });
  for (const frame of heard.slice(8)) assert.ok(rms(frame) > 5000);
  assertUntorn(pcm.subarray(8 * 960), 48000, 430);
  assert.equal(playout.framesConcealed, 0);
});

test('lost packets leave no hole', async () => {
  for (const codec of ['PCMU', 'G722', 'opus'] as const) {
    const { heard, playout } = await hear({
      codec,
      packets: 300,
      delayMs: (n) => (n % 25 === 20 ? undefined : 2),
    });
    assert.ok(playout.framesConcealed >= 10);
    for (const frame of heard.slice(10)) assert.ok(rms(frame) > 1000, `${codec} ${rms(frame)}`);
  }
});

test('what was restored from copies in later packets is told from what was made up', async () => {
  await loadOpus();
  for (const forwardErrorCorrection of [true, false]) {
    const encoder = createAudioEncoder('opus', { rate: 16_000, forwardErrorCorrection });
    encoder.setExpectedLoss(20);
    const playout = new Playout(createAudioDecoder('opus', 16_000));
    await new Promise(setImmediate);
    for (let n = 0; n < 100; n++) {
      const out = Buffer.alloc(1500);
      const payload = Buffer.from(out.subarray(0, encoder.encode(hum(n), out)));
      if (n % 10 !== 5) push(playout, n, n * 960, payload, n * 20);
      playout.read(n * 20 + 5, new Int16Array(320));
    }
    const { framesConcealed, framesRecovered } = playout;
    assert.ok(framesConcealed >= 8, `${framesConcealed}`);
    assert.ok(forwardErrorCorrection ? framesRecovered >= 4 : framesRecovered === 0, `${framesRecovered}`);
    encoder.close();
    playout.close();
  }
});

/** 20 ms of something like a voice: only that is given copies. */
function hum(n: number): Int16Array {
  return Int16Array.from({ length: 320 }, (_, at) => {
    const t = (n * 320 + at) / 16_000;
    const tones = [1, 2, 3, 4, 5, 6].map((k) => Math.sin(2 * Math.PI * 140 * k * t) / k);
    return Math.round(
      5000 * (1 + Math.sin(2 * Math.PI * 3 * t)) * tones.reduce((sum, one) => sum + one, 0) * 0.5,
    );
  });
}

test('a wave of jitter passes: the delay falls again, and the tone is not torn', async () => {
  const { playout, heard } = await hear({
    packets: 1400,
    delayMs: (n) => (n > 50 && n < 200 ? (n * 37) % 70 : 1),
  });
  assert.ok(playout.bufferMs <= 40, `${playout.bufferMs}`);
  for (const frame of heard.slice(250)) assert.ok(rms(frame) > 5000, `${rms(frame)}`);
});

test('of stumbles on a good network, a few seconds apart, only the first is heard', async () => {
  // The network stands still for 46 ms; what was sent meanwhile comes all at once.
  const stumble = [46, 27, 8];
  const { playout } = await hear({ packets: 700, delayMs: (n) => stumble[(n % 150) - 100] ?? 1 });
  assert.equal(playout.buffer.counters.late, 0, 'all came in order');
  assert.equal(playout.framesConcealed, 1);
});

test('what the listener is behind is made up for in the first pause of the voice', async () => {
  const silentAfter = 1060;
  const { playout } = await hear({
    packets: 1100,
    delayMs: (n) => (n > 50 && n < 200 ? (n * 37) % 70 : 1),
    silentFrom: silentAfter,
  });
  assert.ok(playout.bufferMs <= 40, `${playout.bufferMs}`);
});

test('a sender with a fast clock: ten minutes without growing delay or lost audio', async () => {
  const { playout, heard, pcm } = await hear({ packets: 30_000, delayMs: (n) => 200 - n * 20 * 0.0003 });
  assert.ok(playout.bufferMs <= 45, `${playout.bufferMs}`);
  assert.equal(playout.buffer.counters.cut, 0);
  assert.equal(playout.framesConcealed, 0);
  for (const frame of heard.slice(15)) assert.ok(rms(frame) > 5000, `${rms(frame)}`);
  assertUntorn(pcm.subarray(15 * 160), 8000);
});

test('before the first packet, and long after the last, there is silence and it is said so', async () => {
  const { sounding, heard } = await hear({
    packets: 100,
    delayMs: (n) => (n >= 20 && n < 50 ? 5 : undefined),
  });
  assert.ok(!sounding[5] && rms(heard[5] as Int16Array) === 0);
  assert.ok(sounding[40]);
  assert.ok(!sounding[80] && rms(heard[80] as Int16Array) === 0);
});

test('random payloads neither throw nor stop the frames', async () => {
  await loadOpus();
  for (const codec of ['PCMU', 'G722', 'opus'] as const) {
    const playout = new Playout(createAudioDecoder(codec));
    await new Promise(setImmediate);
    const out = new Int16Array(playout.frameLength);
    for (let n = 0; n < 2000; n++) {
      const payload = Buffer.from(
        Array.from({ length: (n * 7) % 400 }, () => Math.floor(Math.random() * 256)),
      );
      push(
        playout,
        (n * (n % 9 === 0 ? 3 : 1)) & 0xffff,
        Math.floor(Math.random() * 2 ** 32) >>> (n % 4 ? 16 : 0),
        payload,
        n * 20,
      );
      playout.read(n * 20, out);
    }
    playout.close();
  }
});

test('shortening leaves out a whole period of a tone', () => {
  for (const rate of [8000, 48000]) {
    for (const hz of [100, 150, 220, 400]) {
      const length = (rate / 1000) * 40;
      const pcm = Int16Array.from({ length }, (_, n) =>
        Math.round(9000 * Math.sin((2 * Math.PI * hz * n) / rate)),
      );
      const shorter = shorten(pcm, length, rate);
      const removedMs = ((length - shorter) / rate) * 1000;
      assert.ok(removedMs >= 2.5 && removedMs <= 12.5);
      const periods = (removedMs / 1000) * hz;
      assert.ok(Math.abs(periods - Math.round(periods)) < 0.1, `${periods} periods of ${hz} Hz at ${rate}`);
      assertUntorn(pcm.subarray(0, shorter), rate, hz * 1.2);
    }
  }
});

test('lengthening repeats whole periods of a tone, 20 ms and more, and what follows joins', () => {
  for (const rate of [8000, 16_000, 48_000]) {
    for (const hz of [100, 150, 220, 400]) {
      const length = (rate / 1000) * 20;
      const tone = (n: number) => Math.round(9000 * Math.sin((2 * Math.PI * hz * n) / rate));
      const pcm = Int16Array.from({ length: 4 * length }, (_, n) => tone(n));
      const longer = lengthen(pcm, length, 2 * length, rate);
      const addedMs = ((longer - length) / rate) * 1000;
      assert.ok(addedMs >= 20 && addedMs < 32.5, `${addedMs} ms`);
      const next = Int16Array.from({ length }, (_, n) => tone(length + n));
      const heard = Int16Array.from([...pcm.subarray(0, longer), ...next]);
      assertUntorn(heard, rate, hz * 1.2);
      assert.ok(Math.abs(rms(heard) - 9000 / Math.SQRT2) < 300, `${rms(heard)} at ${hz} Hz`);
    }
  }
});

test('what is too short to be lengthened, or has no room, or is long enough, stays as it is', () => {
  const pcm = new Int16Array(400).fill(1000);
  assert.equal(lengthen(pcm, 100, 320, 8000), 100);
  assert.equal(lengthen(pcm, 390, 480, 8000), 390);
  assert.equal(lengthen(pcm, 200, 180, 8000), 200);
  assert.ok(pcm.every((sample) => sample === 1000));
});

for (const ms of [10, 20] as const) {
  test(`a clock that runs slow is heard as a longer tone, not a torn one, and nothing is made up: ${ms} ms`, async () => {
    const { pcm, playout } = await hear({ packets: 80_000 / ms, ms, delayMs: (n) => 3 + n * ms * 0.0005 });
    assert.equal(playout.framesConcealed, 0);
    assert.ok(playout.buffer.counters.stretched >= 1);
    assertUntorn(pcm.subarray(800), 8000);
  });
}

test('two sources whose packets are longer than a frame do not hear each other', () => {
  const sources = [0x20, 0x60].map((code) => ({ code, playout: new Playout(createAudioDecoder('PCMU')) }));
  const alone = new Int16Array(1);
  for (let now = 0; now < 600; now += 20) {
    for (const { code, playout } of sources) {
      // 30 ms are sent at 30, 60, 90 …: every other frame of 20 ms begins with what the last packet has left.
      for (let at = now - 20 + 1; at <= now; at++) {
        if (at > 0 && at % 30 === 0) push(playout, at / 30, at * 8, Buffer.alloc(240, code), at);
      }
    }
    for (const { code, playout } of sources) {
      const frame = new Int16Array(160);
      if (!playout.read(now, frame) || now < 200) continue;
      createAudioDecoder('PCMU').decode(Buffer.from([code]), alone);
      assert.deepEqual(new Set(frame), new Set(alone), `at ${now} ms`);
    }
  }
  assert.ok(sources.every(({ playout }) => playout.framesConcealed === 0));
});
