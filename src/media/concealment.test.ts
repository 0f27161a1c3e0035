import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Concealment } from './concealment.ts';

const rate = 8000;

function tone(hz: number, from: number, count: number): Int16Array {
  return Int16Array.from({ length: count }, (_, n) =>
    Math.round(10000 * Math.sin((2 * Math.PI * hz * (from + n)) / rate)),
  );
}

function rms(pcm: Int16Array): number {
  return Math.sqrt(pcm.reduce((sum, sample) => sum + sample * sample, 0) / pcm.length);
}

function biggestStep(pcm: Int16Array): number {
  let biggest = 0;
  for (let at = 1; at < pcm.length; at++) {
    biggest = Math.max(biggest, Math.abs((pcm[at] as number) - (pcm[at - 1] as number)));
  }
  return biggest;
}

test('a lost frame of a voice is continued without a click, and the voice comes back without one', () => {
  for (const hz of [110, 200, 333]) {
    const concealment = new Concealment(rate);
    const pcm = new Int16Array(640);
    pcm.set(tone(hz, 0, 320), 0);
    concealment.heard(pcm, 0, 160);
    concealment.heard(pcm, 160, 160);
    assert.equal(concealment.conceal(160, pcm, 320), 160);
    pcm.set(tone(hz, 480, 160), 480);
    concealment.heard(pcm, 480, 160);
    const natural = biggestStep(tone(hz, 0, 160));
    assert.ok(biggestStep(pcm) < natural * 2.5, `${biggestStep(pcm)} at ${hz} Hz, ${natural} is natural`);
    assert.ok(rms(pcm.subarray(320, 400)) > 6000, 'the first 10 ms keep their level');
  }
});

test('a long loss fades to silence within 60 ms', () => {
  const concealment = new Concealment(rate);
  concealment.heard(tone(200, 0, 320), 0, 320);
  const levels = Array.from({ length: 5 }, () => {
    const out = new Int16Array(160);
    concealment.conceal(160, out);
    return rms(out);
  });
  assert.ok((levels[0] as number) > (levels[1] as number) && (levels[1] as number) > (levels[2] as number));
  assert.equal(levels[3], 0);
});

test('a loss at the very start, or of odd length, is harmless', () => {
  const concealment = new Concealment(rate);
  const out = new Int16Array(1000);
  assert.equal(concealment.conceal(160, out), 160);
  assert.equal(rms(out), 0);
  assert.equal(concealment.conceal(960, out), 960);
  assert.equal(concealment.conceal(160, out, 990), 10);
  concealment.heard(out, 0, 3);
  concealment.heard(out, 0, 0);
});
