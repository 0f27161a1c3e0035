import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzSip } from './sip-run.ts';

test('20,000 damaged messages: no exception, every call and transaction over, memory back', async () => {
  const report = await fuzzSip(20_260_101, 20_000);
  assert.deepEqual(report.complaints, []);
  assert.ok(report.calls > 100, `${report.calls} calls only: the messages do not get deep enough`);
  assert.ok(report.heapGrowthBytes < 10_000_000, `${report.heapGrowthBytes} bytes were kept`);
});
