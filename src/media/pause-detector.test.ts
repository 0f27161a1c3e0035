import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PauseDetector } from './pause-detector.ts';

test('background is sent for 400 ms, then marked, then sampled every 400 ms; voice is sent at once', () => {
  const detector = new PauseDetector();
  const actions = Array.from({ length: 60 }, () => detector.next(70, false));
  assert.ok(actions.slice(0, 20).every((action) => action === 'send'));
  assert.equal(actions[20], 'begin');
  assert.ok(actions.slice(21, 39).every((action) => action === 'skip'));
  assert.deepEqual(actions.slice(39, 42), ['send', 'begin', 'skip']);
  assert.equal(detector.next(40, true), 'send');
  assert.equal(detector.next(70, false), 'send', 'and the hangover begins anew');
});

test('what is not quiet is no pause, even if it is no voice', () => {
  const detector = new PauseDetector();
  for (let frame = 0; frame < 500; frame += 1) assert.equal(detector.next(45, false), 'send');
});

test('the breathed beginning of a word is sent in the middle of a pause, louder background only until it is known', () => {
  const detector = new PauseDetector();
  const actions = (level: number, frames: number) =>
    Array.from({ length: frames }, () => detector.next(level, false));
  actions(70, 30);
  assert.deepEqual(actions(62, 3), ['send', 'send', 'send']);
  assert.ok(actions(70, 8).includes('skip'), 'after a short while the pause goes on');
  assert.ok(actions(62, 40).slice(20).includes('skip'), 'a room that got louder is background again');
});
