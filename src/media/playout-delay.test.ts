import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlayoutDelay } from './playout-delay.ts';

/** One packet in twenty is lost, then none for a while. */
function afterLosses(framesWithout: number): PlayoutDelay {
  const delay = new PlayoutDelay(true);
  for (let n = 0; n < 400; n++) n % 20 === 0 ? delay.noteLoss() : delay.noteFrame();
  for (let n = 0; n < framesWithout; n++) delay.noteFrame();
  return delay;
}

test('while packets get lost, one more is waited for, whose copy repairs; a good moment is no good network', () => {
  assert.equal(afterLosses(0).targetMs(20), 35);
  assert.equal(afterLosses(400).targetMs(20), 35, 'eight seconds later');
  assert.equal(afterLosses(800).targetMs(20), 15, 'sixteen seconds later');
});

test('a surplus is taken at once where it is not heard, and from a voice only after a while', () => {
  const taken = (isQuiet: boolean) => {
    const delay = new PlayoutDelay(false);
    for (let pulls = 1; pulls < 1000; pulls++) {
      delay.noteWait(40, 5);
      if (delay.takeSurplus(() => isQuiet) > 0) return pulls;
    }
    return undefined;
  };
  assert.equal(taken(true), 2);
  assert.equal(taken(false), 50);
});

test('what lacks is made up for at once when a packet came too late, and when much lacks; then not again for a while', () => {
  const stretches = (lackMs: number, isLate: boolean) => {
    const delay = new PlayoutDelay(false);
    for (let n = 0; n < 100; n++) {
      delay.estimate.add(0);
      assert.equal(delay.shouldStretch(60, 60), false);
    }
    if (isLate) delay.noteLate(60);
    return [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].filter(() => delay.shouldStretch(60 - lackMs, 60)).length;
  };
  assert.equal(stretches(8, true), 2);
  assert.equal(stretches(8, false), 0);
  assert.equal(stretches(12, false), 2);
  assert.equal(stretches(4, true), 0);
});
