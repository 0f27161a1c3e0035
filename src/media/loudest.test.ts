import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Loudest, type Talker } from './loudest.ts';

/** A choice of which the sources are known by number. */
class Numbered {
  readonly choice: Loudest;
  readonly #talkers = new Map<number, Talker>();

  constructor(limit?: number) {
    this.choice = new Loudest(limit);
  }

  hears(ssrc: number, level: number, now: number): boolean {
    const talker = this.#talkers.get(ssrc) ?? this.choice.enter(ssrc);
    this.#talkers.set(ssrc, talker);
    return this.choice.mayHear(talker, level, now) && this.choice.choose(talker, level, now);
  }

  leave(ssrc: number): void {
    const talker = this.#talkers.get(ssrc);
    if (talker) this.choice.leave(talker);
    this.#talkers.delete(ssrc);
  }

  get chosen(): number[] {
    return this.choice.chosen;
  }
}

/** Lets every source of `levels` send a packet each 20 ms for a while. */
function talk(loudest: Numbered, levels: Record<number, number>, fromMs: number, forMs: number): void {
  for (let now = fromMs; now < fromMs + forMs; now += 20) {
    for (const [ssrc, level] of Object.entries(levels)) loudest.hears(Number(ssrc), level, now);
  }
}

test('up to five are all heard, even the softest', () => {
  const loudest = new Numbered();
  for (let ssrc = 1; ssrc <= 5; ssrc++) assert.ok(loudest.hears(ssrc, 20 * ssrc, 0));
  assert.ok(!loudest.hears(6, 127, 0));
});

test('a sixth who speaks up is heard within 400 ms, instead of the softest', () => {
  const loudest = new Numbered();
  talk(loudest, { 1: 20, 2: 22, 3: 24, 4: 26, 5: 70, 6: 90 }, 0, 1000);
  assert.deepEqual(loudest.chosen, [1, 2, 3, 4, 5]);
  talk(loudest, { 1: 20, 2: 22, 3: 24, 4: 26, 5: 70, 6: 25 }, 1000, 400);
  assert.deepEqual(loudest.chosen, [1, 2, 3, 4, 6]);
});

test('nearly equal voices do not push each other out by turns', () => {
  const loudest = new Numbered();
  let changes = 0;
  let before = '';
  for (let now = 0; now < 10_000; now += 20) {
    for (let ssrc = 1; ssrc <= 8; ssrc++) loudest.hears(ssrc, 30 + ((now / 20 + ssrc) % 3), now);
    const chosen = loudest.chosen.join();
    if (chosen !== before) changes += 1;
    before = chosen;
  }
  assert.ok(changes <= 2, `${changes} changes`);
});

test('a talker keeps the place in the pause between words', () => {
  const loudest = new Numbered(1);
  talk(loudest, { 1: 20, 2: 60 }, 0, 1000);
  talk(loudest, { 1: 80, 2: 60 }, 1000, 200);
  assert.deepEqual(loudest.chosen, [1]);
});

test('who stops sending or leaves gives up the place', () => {
  const loudest = new Numbered(1);
  talk(loudest, { 1: 10 }, 0, 1000);
  assert.ok(loudest.hears(2, 80, 1600), 'the first has been idle for half a second');
  assert.deepEqual(loudest.chosen, [2]);
  loudest.choice.expire(2200);
  assert.deepEqual(loudest.chosen, []);
  assert.ok(loudest.hears(3, 80, 2200));
  loudest.leave(3);
  assert.ok(loudest.hears(4, 100, 2200));
  assert.equal(loudest.chosen.length, 1);
});

test('sources that do not tell their level are heard too', () => {
  const loudest = new Numbered(2);
  assert.ok(loudest.hears(1, -1, 0) && loudest.hears(2, -1, 0) && !loudest.hears(3, -1, 0));
});
