import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EncodingEffort, frugalEffort, fullEffort } from './encoding-effort.ts';

test('a burst of set-ups does not make the calls sound worse, a busy worker does until it has time again', () => {
  const effort = new EncodingEffort();
  effort.second(1);
  effort.second(1);
  assert.equal(effort.at(2000), fullEffort, 'two seconds');
  effort.second(0.8);
  effort.second(1);
  effort.second(1);
  assert.equal(effort.at(5000), fullEffort, 'not in a row');
  effort.second(0.9);
  assert.equal(effort.at(6000), frugalEffort);
  effort.second(0.75);
  assert.equal(effort.at(7000), frugalEffort, 'full effort would bring it back to where it was');
  effort.second(0.65);
  assert.equal(effort.at(8000), fullEffort);
});

test('a late tick is answered at once, for three seconds and not for good', () => {
  const effort = new EncodingEffort();
  effort.second(0.4);
  effort.ticked(20, 500);
  assert.equal(effort.at(500), fullEffort, 'a worker that has time is late for other reasons');
  effort.second(0.6);
  effort.ticked(5, 1000);
  assert.equal(effort.at(1000), fullEffort);
  effort.ticked(7, 1000);
  assert.equal(effort.at(1000), frugalEffort);
  effort.second(0.8);
  assert.equal(effort.at(3999), frugalEffort);
  assert.equal(effort.at(4000), fullEffort);
});
