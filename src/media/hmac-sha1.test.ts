import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { HmacSha1 } from './hmac-sha1.ts';

test('the tag equals that of node:crypto for every length up to three blocks', () => {
  const key = randomBytes(20);
  const hmac = new HmacSha1(key);
  for (let length = 0; length < 200; length++) {
    const data = randomBytes(length + 7);
    const suffix = randomBytes(4);
    const expected = createHmac('sha1', key).update(data.subarray(0, length)).update(suffix).digest('hex');
    assert.equal(
      hmac.compute(data, length, suffix.readUInt32BE()).toString('hex'),
      expected,
      `length ${length}`,
    );
  }
});
