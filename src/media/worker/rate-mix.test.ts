import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeMulaw } from '../g711.ts';
import { loadOpus } from './opus.ts';
import { RateMix } from './rate-mix.ts';

const SAMPLES = 160;
const everyone = () => true;

function tone(amplitude: number, frame: number, period = 40): Int16Array {
  return Int16Array.from({ length: SAMPLES }, (_, n) =>
    Math.round(amplitude * Math.sin((2 * Math.PI * (frame * SAMPLES + n)) / period)),
  );
}

/** One tick: what a listener hears who hears all but `without`. */
function heard(mix: RateMix, frames: readonly Int16Array[], without = -1): Int16Array {
  mix.begin(frames.map((frame, ssrc) => ({ ssrc, frame })));
  const chosen = mix.choose((ssrc) => ssrc !== without);
  mix.finish();
  return Int16Array.from(chosen.frame);
}

test('one voice passes bit by bit, as loud as can be', () => {
  const mix = new RateMix(8000);
  for (let frame = 0; frame < 5; frame++) {
    const voice = tone(32767, frame);
    assert.deepEqual(heard(mix, [voice]), voice);
  }
});

test('nobody hears himself, everybody hears the others', () => {
  const mix = new RateMix(8000);
  const [a, b, c] = [tone(3000, 0), tone(2000, 0, 25), tone(1000, 0, 13)];
  const others = a.map((sample, at) => sample + (c[at] as number));
  assert.deepEqual(heard(mix, [a, b, c], 1), others);
  assert.deepEqual(heard(mix, [b], 0), new Int16Array(SAMPLES));
  assert.deepEqual(heard(mix, []), new Int16Array(SAMPLES));
});

test('five shouting voices neither wrap around nor clip flat, whoever listens', () => {
  for (const without of [-1, 4]) {
    const mix = new RateMix(8000);
    for (let frame = 0; frame < 50; frame++) {
      const voice = tone(30000, frame);
      const out = heard(mix, [voice, voice, voice, voice, voice], without);
      if (frame === 0) continue;
      const flat = out.filter((sample) => Math.abs(sample) >= 32767).length;
      assert.ok(flat <= 8, `${flat} samples at full scale in frame ${frame}`);
    }
  }
});

test('after a shout the level comes back within two seconds', () => {
  const mix = new RateMix(8000);
  const quiet = () => heard(mix, [tone(1000, 0)]);
  heard(mix, [tone(32767, 0), tone(32767, 0)]);
  assert.ok(Math.max(...quiet()) < 700);
  for (let frame = 1; frame < 100; frame++) quiet();
  assert.deepEqual(quiet(), tone(1000, 0));
});

test('phones with the same mix share one frame of G.711; who hears something else has another', () => {
  const mix = new RateMix(8000);
  mix.begin([
    { ssrc: 1, frame: tone(3000, 0) },
    { ssrc: 2, frame: tone(3000, 0, 25) },
  ]);
  const [one, other, speaker] = [
    mix.choose(everyone),
    mix.choose(everyone),
    mix.choose((ssrc) => ssrc !== 2),
  ];
  mix.finish();
  assert.equal(mix.encoded(one, 'PCMU'), mix.encoded(other, 'PCMU'));
  const alone = new Int16Array(SAMPLES);
  decodeMulaw(mix.encoded(speaker, 'PCMU')?.bytes ?? Buffer.alloc(0), alone);
  assert.ok(Math.abs((alone[5] ?? 0) - (tone(3000, 0)[5] ?? 0)) < 100);
  mix.close();
});

test('a codec with memory is shared by those who hear everything, and coded once in a tick', async () => {
  await loadOpus();
  const mix = new RateMix(48000);
  const voice = new Int16Array(960).map((_, at) => 5000 * Math.sin(at / 20));
  let length = 0;
  for (let tick = 0; tick < 3; tick += 1) {
    mix.begin([{ ssrc: 1, frame: voice }]);
    const [one, own] = [mix.choose(everyone), mix.choose(() => false)];
    mix.finish();
    const frame = mix.encoded(one, 'opus');
    assert.equal(mix.encoded(one, 'opus'), frame);
    assert.equal(mix.encoded(own, 'opus'), undefined);
    length = frame?.length ?? 0;
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(length > 10);
  mix.close();
});
