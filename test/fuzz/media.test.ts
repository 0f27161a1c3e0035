import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzMedia } from './media-run.ts';

test('bad datagrams at every media port during calls: each is refused with a reason, and nobody misses a packet', async () => {
  const report = await fuzzMedia(20_260_101, 5_000, 1_500);
  const about = JSON.stringify({ ...report, refused: [...report.refused] });
  assert.deepEqual(report.complaints, [], about);
  assert.deepEqual([report.caught, report.gaps], [0, 0], about);
  assert.ok(report.sent >= 1_500 && report.strangers > 200, about);
  assert.ok(report.passed.phones > 200 && report.passed.bridges > 200, about);
  for (const reason of [
    'malformed',
    'source-address',
    'ssrc',
    'payload',
    'auth',
    'malformed-stun',
    'dtls-late',
  ]) {
    assert.ok((report.refused.get(reason) ?? 0) > 0, `${reason}: ${about}`);
  }
});
