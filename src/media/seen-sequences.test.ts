import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeenSequences } from './seen-sequences.ts';

test('a packet is known from its coming until its number comes again', () => {
  const seen = new SeenSequences();
  const time = (index: number) => (index * 960 + 4_000_000_000) >>> 0;
  for (let index = 65_000; index < 65_536 + 66_000; index += 1) {
    const sequence = index & 0xffff;
    assert.equal(seen.has(sequence, time(index)), false, `${index} came for the first time`);
    seen.add(sequence, time(index));
    assert.equal(seen.has(sequence, time(index)), true);
    assert.equal(seen.has(sequence, time(index + 1)), false, 'the same number, another packet');
    if (index > 65_100) assert.equal(seen.has((index - 100) & 0xffff, time(index - 100)), true);
  }
});
