import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SequenceGaps } from './sequence-gaps.ts';

test('audio around events is numbered without a hole, over the wrap and for hours', () => {
  const gaps = new SequenceGaps();
  let expected = 65_000;
  for (let sequence = 65_000; sequence < 65_000 + 200_000; sequence += 1) {
    if (sequence % 50 < 11) gaps.note(sequence & 0xffff);
    else {
      if (sequence % 7 === 0) assert.equal(gaps.without(sequence & 0xffff), expected & 0xffff);
      expected += 1;
    }
  }
});

test('audio from before the events that comes late keeps its number; events twice count once', () => {
  const gaps = new SequenceGaps();
  for (const sequence of [10, 11, 12, 11, 10]) gaps.note(sequence);
  assert.equal(gaps.without(9), 9);
  assert.equal(gaps.without(13), 10);
});

test('a digit long ago changes nothing', () => {
  const gaps = new SequenceGaps();
  gaps.note(5);
  for (let sequence = 6; sequence < 300_000; sequence += 1) {
    assert.equal(gaps.without(sequence & 0xffff), (sequence - 1) & 0xffff);
  }
});
