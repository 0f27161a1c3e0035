import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PromptPlayer } from './prompt-player.ts';
import { type SoundSource, ToneSource } from './sound-source.ts';

/** Counts up from `first`, so that a lost or doubled sample shows. */
class Counter implements SoundSource {
  isClosed = false;
  #next: number;
  readonly #end: number;
  constructor(first: number, length: number) {
    this.#next = first;
    this.#end = first + length;
  }
  read(out: Int16Array, at: number): number {
    const count = Math.min(out.length - at, this.#end - this.#next, 100);
    for (let index = 0; index < count; index += 1) out[at + index] = this.#next + index;
    this.#next += count;
    return count;
  }
  close(): void {
    this.isClosed = true;
  }
}

function player() {
  const over: string[] = [];
  return { over, player: new PromptPlayer(8000, (id, how) => over.push(`${id} ${how}`)) };
}

function play(prompts: PromptPlayer, frames: number, other?: Int16Array): number[] {
  const heard: number[] = [];
  for (let count = 0; count < frames; count += 1) {
    const out = new Int16Array(160);
    prompts.mix(other, out);
    heard.push(...out);
  }
  return heard;
}

const room = new Int16Array(160).fill(1000);

test('sounds begin with the frame and follow each other without a gap, sample by sample', () => {
  const { player: prompts, over } = player();
  prompts.add({ id: 1, mode: 'replace', open: () => new Counter(1, 250) });
  prompts.add({ id: 1, mode: 'replace', open: () => new Counter(251, 33) });
  prompts.add({ id: 2, mode: 'replace', open: () => new Counter(284, 200) });
  const heard = play(prompts, 4);
  assert.deepEqual(
    heard.slice(0, 483),
    [...Array(483).keys()].map((index) => index + 1),
  );
  assert.deepEqual(new Set(heard.slice(483)), new Set([0]));
  assert.deepEqual(over, ['1 ended', '2 ended']);
});

test('the room is turned down under a prompt, or away, and comes back without a jump', () => {
  for (const [mode, level] of [
    ['duck', 200],
    ['replace', 0],
  ] as const) {
    const { player: prompts } = player();
    prompts.add({ id: 1, mode, open: () => new ToneSource(8000, [], 100, 0) });
    const heard = play(prompts, 8, room);
    assert.equal(heard[300], level, mode);
    assert.equal(heard.at(-1), 1000, mode);
    assert.equal(prompts.isActive, false);
    const jump = Math.max(...heard.slice(1).map((sample, at) => Math.abs(sample - (heard[at] ?? 0))));
    assert.ok(jump <= 8, `${mode}: ${jump}`);
  }
});

test('stop ends what plays and the queue, and says so once for each', () => {
  const { player: prompts, over } = player();
  const first = new Counter(1, 1000);
  prompts.add({ id: 1, mode: 'duck', open: () => first });
  prompts.add({ id: 1, mode: 'duck', open: () => new Counter(1, 10) });
  prompts.add({ id: 2, mode: 'duck', open: () => new Counter(1, 10) });
  play(prompts, 1, room);
  prompts.stop(1);
  assert.deepEqual(over, ['1 stopped']);
  assert.equal(first.isClosed, true);
  play(prompts, 1, room);
  assert.deepEqual(over, ['1 stopped', '2 ended']);
});

test('what is stopped fades out within 5 ms, and is not heard after that', () => {
  const { player: prompts } = player();
  prompts.add({ id: 1, mode: 'replace', open: () => new ToneSource(8000, [440], 1000, -6) });
  const heard = play(prompts, 3);
  prompts.stop();
  heard.push(...play(prompts, 2));
  const jump = Math.max(...heard.slice(1).map((sample, at) => Math.abs(sample - (heard[at] ?? 0))));
  assert.ok(jump < 2 * Math.PI * (440 / 8000) * 16_500, `a click of ${jump}`);
  assert.deepEqual(new Set(heard.slice(3 * 160 + 40)), new Set([0]));
  assert.equal(prompts.isActive, false);
});

test('a phone that changes its codec hears the sound from its beginning at the new rate', () => {
  const { player: prompts } = player();
  const rates: number[] = [];
  prompts.add({
    id: 1,
    mode: 'replace',
    open: (rate) => {
      rates.push(rate);
      return new Counter(1, 1000);
    },
  });
  play(prompts, 2);
  prompts.setRate(48_000);
  const out = new Int16Array(960);
  prompts.mix(undefined, out);
  assert.equal(out[0], 1);
  assert.deepEqual(rates, [8000, 48_000]);
});

test('a source that is not ready yet is waited for, and the queue is bounded', () => {
  const { player: prompts, over } = player();
  let isReady = false;
  const counter = new Counter(1, 160);
  prompts.add({
    id: 1,
    mode: 'replace',
    open: () => ({ read: (out, at) => (isReady ? counter.read(out, at) : -1), close: () => {} }),
  });
  play(prompts, 3);
  assert.deepEqual(over, []);
  isReady = true;
  assert.equal(play(prompts, 1)[159], 160);
  const silence = () => new ToneSource(8000, [], 1000, 0);
  const added = [...Array(100)].filter(() => prompts.add({ id: 9, mode: 'duck', open: silence }));
  assert.ok(added.length < 70);
});

test('a tone has its length and its level, and does not click', () => {
  const tone = new ToneSource(8000, [440], 100, -6);
  const out = new Int16Array(2000);
  assert.equal(tone.read(out, 0), 800);
  assert.equal(tone.read(out, 800), 0);
  assert.ok(Math.abs(Math.max(...out) - 32767 * 10 ** (-6 / 20)) < 100);
  assert.ok(Math.abs(out[1] ?? 0) < 1000 && Math.abs(out[798] ?? 0) < 1000);
});
