import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sequenceAdd, sequenceDelta, timestampAdd, timestampDelta } from './sequence.ts';

test('a sequence number after the wrap is newer than one before it', () => {
  assert.equal(sequenceDelta(0, 65535), 1);
  assert.equal(sequenceDelta(65535, 0), -1);
  assert.equal(sequenceDelta(5, 5), 0);
  assert.equal(sequenceDelta(32768, 0), -32768);
  assert.equal(sequenceDelta(32767, 0), 32767);
});

test('a timestamp after the wrap is newer than one before it', () => {
  assert.equal(timestampDelta(100, 0xffffff9c), 200);
  assert.equal(timestampDelta(0xffffff9c, 100), -200);
});

test('adding wraps in both directions', () => {
  assert.equal(sequenceAdd(65535, 1), 0);
  assert.equal(sequenceAdd(0, -1), 65535);
  assert.equal(timestampAdd(0xffffffff, 160), 159);
  assert.equal(timestampAdd(0, -1), 0xffffffff);
});
