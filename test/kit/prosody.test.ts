import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startProsody } from './prosody.ts';

test('two Prosodys run beside each other, restart on their ports and leave nothing', async () => {
  const [one, two] = await Promise.all([startProsody(), startProsody({ secret: 'other' })]);
  try {
    assert.notEqual(one.componentPort, two.componentPort);
    await one.restart();
    await two.kill();
    await two.start();
    assert.match(one.log(), /Activated service 'component'/);
  } finally {
    await Promise.all([one.stop(), two.stop()]);
  }
  assert.equal(one.log(), '');
});
