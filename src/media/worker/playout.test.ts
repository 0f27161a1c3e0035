import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AudioDecoder } from '../audio-codec.ts';
import { newRtpHeader } from '../rtp.ts';
import { Playout } from './playout.ts';

/** Linear PCM at 8 kHz as a codec: what comes out is what went in, or −1 where something was concealed. */
const linear: AudioDecoder = {
  rate: 8000,
  clockRate: 8000,
  ticks: (payload) => payload.length / 2,
  decode: (payload, out, at = 0) => {
    for (let i = 0; i < payload.length / 2; i += 1) {
      out[at + i] = Buffer.from(payload).readInt16LE(2 * i);
    }
    return payload.length / 2;
  },
  conceal: (samples, out, at = 0) => {
    out.fill(-1, at, at + samples);
    return samples;
  },
  recover: (_next, samples, out, at = 0) => linear.conceal(samples, out, at),
  close: () => {},
};

/** A packet of `ms` whose samples count on from `first`. */
function packet(sequence: number, first: number, ms: number) {
  const samples = ms * 8;
  const payload = Buffer.alloc(samples * 2);
  for (let i = 0; i < samples; i += 1) payload.writeInt16LE(((first + i) % 10_000) + 1, 2 * i);
  const header = {
    ...newRtpHeader(),
    sequence: sequence & 0xffff,
    timestamp: first,
    payloadEnd: payload.length,
  };
  return { header, payload };
}

for (const ms of [10, 20, 30, 60]) {
  test(`packets of ${ms} ms come out as frames of 20 ms without a seam`, () => {
    const playout = new Playout(linear, false);
    const heard: number[] = [];
    const frame = new Int16Array(160);
    let sequence = 0;
    for (let now = 0; now < 2000; now += 1) {
      if (now % ms === 0) {
        const { header, payload } = packet(sequence, sequence * ms * 8, ms);
        playout.push(header, payload, now);
        sequence += 1;
      }
      if (now % 20 === 3 && playout.read(now, frame)) heard.push(...frame);
    }
    // The start may be stretched once; after that each sample follows the one before.
    const settled = heard.slice(800);
    const seams = settled.filter(
      (sample, index) => index > 0 && sample !== ((settled[index - 1] ?? 0) % 10_000) + 1,
    );
    assert.deepEqual(seams, []);
    assert.ok(settled.length > 12_000);
  });
}

for (const ppm of [-1000, 1000]) {
  test(`a source whose clock is ${ppm} ppm off neither grows late nor falls silent`, () => {
    const playout = new Playout(linear, false);
    const frame = new Int16Array(160);
    const step = 20 / (1 + ppm / 1e6);
    let [next, sequence, silent, deepest] = [0, 0, 0, 0];
    for (let now = 3; now < 300_000; now += 20) {
      for (; next <= now; next += step) {
        const { header, payload } = packet(sequence, sequence * 160, 20);
        playout.push(header, payload, next);
        sequence += 1;
      }
      if (!playout.read(now, frame)) silent += 1;
      if (now > 10_000) deepest = Math.max(deepest, playout.buffer.bufferMs);
    }
    assert.ok(silent <= 3, `${silent} silent frames`);
    assert.ok(deepest < 80, `${deepest} ms deep`);
    assert.equal(playout.buffer.counters.cut, 0);
  });
}

test('a source that ends is silent after a moment', () => {
  const playout = new Playout(linear, false);
  const frame = new Int16Array(160);
  for (let sequence = 0; sequence < 50; sequence += 1) {
    const { header, payload } = packet(sequence, sequence * 160, 20);
    playout.push(header, payload, sequence * 20);
    playout.read(sequence * 20 + 3, frame);
  }
  const after = Array.from({ length: 20 }, (_, index) => playout.read(1003 + index * 20, frame));
  assert.equal(after[0], true, 'concealed');
  assert.equal(after.at(-1), false);
});
