import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReplayWindow } from './replay-window.ts';

function accepts(window: ReplayWindow, sequence: number): boolean {
  const index = window.guess(sequence & 0xffff);
  if (window.refuses(index)) return false;
  window.record(index);
  return true;
}

test('the index goes on counting over several wraps of the sequence number', () => {
  const window = new ReplayWindow();
  for (let index = 65000; index < 65000 + 5 * 65536; index += 100) {
    assert.equal(window.guess(index & 0xffff), index);
    assert.ok(accepts(window, index));
  }
  assert.equal(Math.floor(window.highest / 65536), 5);
});

test('packets reordered around the wrap keep their own rollover counter', () => {
  const window = new ReplayWindow();
  for (const index of [65533, 65536, 65534, 65538, 65535, 65537]) {
    assert.equal(window.guess(index & 0xffff), index);
    assert.ok(accepts(window, index));
  }
});

test('a packet is accepted once, and not at all when 128 behind', () => {
  const window = new ReplayWindow();
  for (let sequence = 1000; sequence < 1128; sequence += 2) assert.ok(accepts(window, sequence));
  assert.ok(!accepts(window, 1000));
  assert.ok(!accepts(window, 1126));
  assert.ok(accepts(window, 1001));
  assert.ok(!accepts(window, 1001));
  assert.ok(accepts(window, 1129));
  assert.ok(!accepts(window, 1001 - 2), '130 behind');
  assert.ok(accepts(window, 1003));
});

test('what would lie before the very first rollover is refused', () => {
  const window = new ReplayWindow();
  assert.ok(accepts(window, 3));
  assert.ok(!accepts(window, 65535));
});
