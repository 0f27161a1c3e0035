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

test('what lacks is inserted at once in a pause; in the voice when much lacks, or when a second packet comes too late', () => {
  const inserted = (lackMs: number, isQuiet: boolean, latePackets: number) => {
    const delay = new PlayoutDelay(false);
    for (let n = 0; n < 100; n++) delay.estimate.add(0);
    for (let n = 0; n < latePackets; n++) delay.noteLate(60);
    for (let pulls = 1; pulls < 100; pulls++) {
      if (delay.shouldStretch(60 - lackMs, 60, () => isQuiet)) return true;
    }
    return false;
  };
  assert.equal(inserted(8, true, 1), true);
  assert.equal(inserted(8, false, 1), false);
  assert.equal(inserted(8, false, 2), true);
  assert.equal(inserted(12, false, 1), true);
  assert.equal(inserted(4, true, 2), false);
});
