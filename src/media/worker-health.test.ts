import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WorkerLoad } from './protocol.ts';
import { defaultLimits, WorkerHealth } from './worker-health.ts';

function second(utilization: number, p99Ms: number, skipped = 0): WorkerLoad {
  return {
    utilization,
    encodingEffort: 10,
    ticks: { ticks: 1000, maxMs: p99Ms, p99Ms, skipped, byMs: new Uint32Array(201) },
  };
}

test('a worker whose ticks stay late takes no more calls, until they are punctual again', () => {
  const health = new WorkerHealth(defaultLimits);
  assert.equal(health.admits(50), true);
  for (let count = 0; count < 3; count += 1) health.told(second(0.5, 15));
  assert.equal(health.admits(50), false);
  assert.equal(health.admits(5), true, 'five calls are not the reason');
  health.told(second(0.5, 3));
  assert.equal(health.admits(50), true);
});

test('a worker that is busy nearly all the time takes no more calls; a burst of set-ups does not count', () => {
  const health = new WorkerHealth(defaultLimits);
  for (let count = 0; count < 20; count += 1) health.told(second(0.6, 2));
  for (let count = 0; count < 2; count += 1) health.told(second(1, 2));
  assert.equal(health.admits(50), true);
  for (let count = 0; count < 10; count += 1) health.told(second(0.97, 2));
  assert.equal(health.admits(50), false);
});

test('a worker that says nothing for more than five seconds hangs', () => {
  const health = new WorkerHealth(defaultLimits);
  for (let count = 0; count < 50; count += 1) assert.equal(health.second(), false, 'it has only just begun');
  health.told(second(0.1, 1));
  for (let count = 0; count < 5; count += 1) assert.equal(health.second(), false);
  health.told(second(0.1, 1));
  for (let count = 0; count < 5; count += 1) assert.equal(health.second(), false);
  assert.equal(health.second(), true);
});
