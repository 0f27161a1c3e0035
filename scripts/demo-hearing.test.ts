import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join, mix, silence } from '../test/kit/sound.ts';
import { tone } from '../test/kit/tone.ts';
import { listen } from './demo-hearing.ts';

const alice = { who: 'Alice', hz: 440, dbfs: -15 };
const bob = { who: 'Bob', hz: 700, dbfs: -15 };
const say = (hz: number, seconds = 2, dbfs = -15) => tone(hz, 8000, seconds, dbfs);

test('the demonstration passes when everybody is heard', () => {
  const { heard, missed, problems } = listen('the phone', mix(say(440), say(700)), [alice, bob]);
  assert.deepEqual([missed, problems], [[], []]);
  assert.deepEqual(
    heard.map(({ who, hz, dbfs, pauseMs }) => [who, Math.round(hz), Math.round(dbfs), pauseMs]),
    [
      ['Alice', 440, -15, 0],
      ['Bob', 700, -15, 0],
    ],
  );
});

test('it fails when one is missing, when nothing was recorded, and when there is only silence', () => {
  assert.deepEqual(listen('the phone', say(440), [alice, bob]).problems, [
    'the phone did not hear Bob (700 Hz)',
  ]);
  assert.deepEqual(listen('the room', silence(8000, 0), [alice]).problems, [
    'the room did not hear anything',
  ]);
  assert.deepEqual(listen('the room', silence(8000, 2), [alice]).missed, [alice]);
});

test('it fails when somebody hears himself, or is far too quiet', () => {
  const echo = listen('the phone', mix(say(440), say(1000, 2, -30)), [alice]).problems;
  assert.match(echo.join(), /1000 Hz at -(29|30)\.\d dBFS, which nobody there said/);
  assert.match(listen('the phone', say(440, 2, -30), [alice]).problems.join(), /Alice at -(29|30)\.\d dBFS/);
});

test('it fails when one voice is away for long, although the other one goes on', () => {
  const broken = mix(join(say(440, 1), silence(8000, 0.2), say(440, 1)), say(700, 2.2));
  const { heard, problems } = listen('the phone', broken, [alice, bob]);
  const [first, second] = heard;
  assert.ok(first && first.pauseMs >= 160 && first.pauseMs <= 240, `${first?.pauseMs}`);
  assert.equal(second?.pauseMs, 0);
  assert.match(problems.join(), /^the phone did not hear Alice for \d+ ms$/);
});
