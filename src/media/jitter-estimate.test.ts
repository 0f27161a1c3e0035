import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JitterEstimate } from './jitter-estimate.ts';

function estimate(transits: (n: number) => number, count = 300): JitterEstimate {
  const jitter = new JitterEstimate();
  for (let n = 0; n < count; n++) jitter.add(transits(n));
  return jitter;
}

test('packets need to wait as long as 97 of 100 are late', () => {
  assert.equal(estimate(() => 1000).targetMs, 15);
  assert.equal(estimate((n) => 1000 + (n % 4)).targetMs, 15);
  assert.equal(estimate((n) => 1000 + (n % 10) * 6).targetMs, 55);
  assert.equal(
    estimate((n) => 1000 + (n % 90 === 89 ? 180 : 0)).targetMs,
    15,
    'one straggler in 90 is not waited for',
  );
  assert.equal(estimate((n) => (n % 2) * 5000).targetMs, 200, 'never more than 200 ms');
});

test('the target falls within two seconds after the network calmed down', () => {
  assert.ok(estimate((n) => (n < 300 ? (n % 10) * 10 : 0), 300).targetMs >= 90);
  assert.equal(estimate((n) => (n < 300 ? (n % 10) * 10 : 0), 500).targetMs, 15);
});

test('a longer route becomes the new normal', () => {
  const jitter = estimate((n) => (n < 300 ? 0 : 70), 600);
  assert.equal(jitter.minTransitMs, 70);
  assert.equal(jitter.targetMs, 15);
  jitter.reset();
  assert.ok(Number.isNaN(jitter.minTransitMs));
});

test('a packet that came too late is waited for at once, and for ten seconds', () => {
  const jitter = estimate(() => 1000);
  jitter.add(1063);
  assert.equal(jitter.targetMs, 15);
  jitter.noteLate(1063);
  assert.equal(jitter.targetMs, 65);
  for (let n = 0; n < 499; n++) jitter.add(1000);
  assert.equal(jitter.targetMs, 65);
  for (let n = 0; n < 350; n++) jitter.add(1000);
  assert.equal(jitter.targetMs, 15, 'then it is forgotten step by step');
  jitter.noteLate(9000);
  assert.equal(jitter.targetMs, 200, 'never more than 200 ms');
});
