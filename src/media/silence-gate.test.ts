import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SilenceGate } from './silence-gate.ts';

test('short pauses are sent whole; after a sound the tail is sent again', () => {
  const gate = new SilenceGate();
  const silence = (count: number) => Array.from({ length: count }, () => gate.next(true, 20)).join(' ');
  assert.equal(gate.next(false, 20), 'send');
  assert.equal(silence(9), Array(9).fill('send').join(' '));
  assert.equal(gate.next(false, 20), 'send');
  assert.equal(silence(12), `${Array(10).fill('send').join(' ')} comfort skip`);
  assert.equal(gate.next(false, 20), 'send');
  assert.equal(silence(11), `${Array(10).fill('send').join(' ')} comfort`);
});
