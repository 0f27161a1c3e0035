import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AudioRate } from './audio-coding.ts';
import { dtmfDigits } from './dtmf-event.ts';
import { DtmfDetector, dtmfFrequencies } from './dtmf-tones.ts';
import { decodeMulaw, encodeMulaw } from './g711.ts';

const rates: readonly AudioRate[] = [8000, 16_000, 48_000];

function key(digit: string, ms: number, rate: number, level = 0.25): Int16Array<ArrayBuffer> {
  const [low, high] = dtmfFrequencies(digit) ?? [0, 0];
  return Int16Array.from({ length: (ms * rate) / 1000 }, (_, at) => {
    const turn = (2 * Math.PI * at) / rate;
    return 32767 * level * (Math.sin(low * turn) + Math.sin(high * turn));
  });
}

function detect(pieces: readonly Int16Array[], rate: AudioRate) {
  const digits: { digit: string; durationMs: number }[] = [];
  const detector = new DtmfDetector(rate, (digit) => digits.push(digit));
  const all = Int16Array.from(pieces.flatMap((piece) => [...piece]));
  const frame = rate / 50;
  for (let at = 0; at + frame <= all.length; at += frame) detector.hear(all.subarray(at, at + frame));
  return digits;
}

test('every key is heard once, at each rate, loud and quiet, wherever the frames fall', () => {
  for (const rate of rates) {
    for (const offsetMs of [0, 3, 11]) {
      const gap = new Int16Array((rate * 60) / 1000);
      const pieces: Int16Array[] = [new Int16Array((rate * offsetMs) / 1000)];
      for (const digit of dtmfDigits) pieces.push(key(digit, 60, rate, offsetMs === 3 ? 0.03 : 0.4), gap);
      const digits = detect([...pieces, gap], rate);
      assert.equal(digits.map(({ digit }) => digit).join(''), dtmfDigits, `${rate} Hz, ${offsetMs} ms`);
      for (const { durationMs } of digits) assert.ok(Math.abs(durationMs - 60) <= 20, `${durationMs} ms`);
    }
  }
});

test('a key through µ-law is heard; 15 ms of it, one tone alone and noise are not', () => {
  const mulaw = Buffer.alloc(800);
  const heard = new Int16Array(800);
  encodeMulaw(key('5', 100, 8000), mulaw, 0);
  decodeMulaw(mulaw, heard, 0);
  const quiet = new Int16Array(480);
  assert.equal(detect([quiet, heard, quiet], 8000).length, 1);
  assert.equal(detect([quiet, key('5', 15, 8000), quiet], 8000).length, 0);
  const single = Int16Array.from(
    { length: 1600 },
    (_, at) => 9000 * Math.sin((2 * Math.PI * 770 * at) / 8000),
  );
  assert.equal(detect([quiet, single, quiet], 8000).length, 0);
  let seed = 1;
  const noise = Int16Array.from({ length: 80_000 }, () => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >> 17) - 16384;
  });
  assert.equal(detect([noise], 8000).length, 0);
});
