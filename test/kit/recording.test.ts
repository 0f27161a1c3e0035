import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Recording } from './recording.ts';

const frame = () => new Int16Array(480).fill(1000);

/** Adds frames at these times, in milliseconds. */
function recorded(times: readonly number[]): number[] {
  const recording = new Recording();
  for (const at of times) recording.add(frame(), 1000 + at);
  const { samples } = recording.sound();
  const silent = Array.from({ length: Math.floor(samples.length / 480) }, (_, i) => samples[i * 480] === 0);
  return silent.flatMap((is, i) => (is ? [i * 10] : []));
}

const steady = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + 10 * i);

test('a pause in the stream is heard as silence of its length, at its place', () => {
  assert.deepEqual(recorded([...steady(0, 100), ...steady(1200, 100)]), steady(1000, 20));
});

test('a stall of the reader is not a pause: what came in a burst stays together', () => {
  const burst = Array.from({ length: 30 }, () => 1300);
  assert.deepEqual(recorded([...steady(0, 100), ...burst, ...steady(1300, 100)]), []);
});
