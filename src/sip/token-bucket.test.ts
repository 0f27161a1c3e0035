import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SourceLimiter } from './token-bucket.ts';

test('a source may send its burst, then its rate; another source is not touched', () => {
  const limiter = new SourceLimiter({ perSecond: 10, burst: 3 });
  const sent = (at: number): boolean => limiter.admit('a', at);
  assert.deepEqual([sent(0), sent(0), sent(0), sent(0)], [true, true, true, false]);
  assert.equal(limiter.admit('b', 0), true);
  assert.deepEqual([sent(100), sent(100)], [true, false]);
  assert.deepEqual([sent(10_000), sent(10_000), sent(10_000), sent(10_000)], [true, true, true, false]);
});

test('a million forged sources do not fill the memory', () => {
  const limiter = new SourceLimiter({ perSecond: 1, burst: 1 });
  const before = process.memoryUsage().heapUsed;
  for (let index = 0; index < 1_000_000; index += 1) limiter.admit(`source ${index}`, 0);
  assert.ok(process.memoryUsage().heapUsed - before < 100_000_000);
});
