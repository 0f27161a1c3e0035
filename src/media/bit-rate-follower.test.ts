import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BitRateFollower } from './bit-rate-follower.ts';

test('loss is expected at once, and forgotten slowly', () => {
  const follower = new BitRateFollower(48_000);
  follower.report(20);
  assert.equal(follower.expectedLoss, 20);
  follower.report(0);
  assert.equal(follower.expectedLoss, 16);
  for (let report = 0; report < 20; report += 1) follower.report(0);
  assert.equal(follower.expectedLoss, 5);
});

test('the bit rate falls while much is lost, never below what FEC needs, and comes back', () => {
  for (const [rate, best, least] of [
    [8000, 16_000, 12_000],
    [16_000, 24_000, 18_000],
    [48_000, 32_000, 24_000],
  ] as const) {
    const follower = new BitRateFollower(rate);
    assert.equal(follower.bitRate, best);
    follower.report(8);
    assert.equal(follower.bitRate, best, 'a little loss is what FEC is for');
    for (let report = 0; report < 10; report += 1) follower.report(30);
    assert.equal(follower.bitRate, least);
    for (let report = 0; report < 20; report += 1) follower.report(1);
    assert.equal(follower.bitRate, best);
  }
});
