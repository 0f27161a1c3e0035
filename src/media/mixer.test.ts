import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Mixer } from './mixer.ts';
import { PeakLimiter } from './peak-limiter.ts';

const SAMPLES = 160;

function tone(amplitude: number, frame: number, period = 40): Int16Array {
  return Int16Array.from({ length: SAMPLES }, (_, n) =>
    Math.round(amplitude * Math.sin((2 * Math.PI * (frame * SAMPLES + n)) / period)),
  );
}

function mixed(mixer: Mixer, frames: Int16Array[], limiter: PeakLimiter, own?: Int16Array): Int16Array {
  mixer.begin();
  for (const frame of frames) mixer.add(frame);
  const out = new Int16Array(SAMPLES);
  mixer.take(out, limiter, own);
  return out;
}

test('one voice passes bit by bit, as loud as can be', () => {
  const mixer = new Mixer(SAMPLES);
  const limiter = new PeakLimiter();
  for (let frame = 0; frame < 5; frame++) {
    const voice = tone(32767, frame);
    assert.deepEqual(mixed(mixer, [voice], limiter), voice);
  }
});

test('nobody hears himself, everybody hears the others', () => {
  const mixer = new Mixer(SAMPLES);
  const [a, b, c] = [tone(3000, 0), tone(2000, 0, 25), tone(1000, 0, 13)];
  const heard = mixed(mixer, [a, b, c], new PeakLimiter(), b);
  assert.deepEqual(
    heard,
    a.map((sample, at) => sample + (c[at] as number)),
  );
  assert.equal(mixer.sources, 3);
  assert.deepEqual(mixed(mixer, [b], new PeakLimiter(), b), new Int16Array(SAMPLES));
});

test('five shouting voices neither wrap around nor clip flat', () => {
  const mixer = new Mixer(SAMPLES);
  const limiter = new PeakLimiter();
  for (let frame = 0; frame < 50; frame++) {
    const voice = tone(30000, frame);
    const heard = mixed(mixer, [voice, voice, voice, voice, voice], limiter);
    if (frame === 0) continue;
    const flat = heard.filter((sample) => Math.abs(sample) >= 32767).length;
    assert.ok(flat <= 8, `${flat} samples at full scale in frame ${frame}`);
    for (const [at, sample] of heard.entries())
      assert.ok(Math.abs(sample - (voice[at] as number) * 1.0922) < 700);
  }
});

test('after a shout the level comes back within a second', () => {
  const mixer = new Mixer(SAMPLES);
  const limiter = new PeakLimiter();
  mixed(mixer, [tone(32767, 0), tone(32767, 0)], limiter);
  assert.ok(limiter.gain < 0.51);
  for (let frame = 1; frame < 50; frame++) mixed(mixer, [tone(1000, frame)], limiter);
  assert.ok(limiter.gain > 0.99);
  for (let frame = 1; frame < 50; frame++) mixed(mixer, [tone(1000, frame)], limiter);
  assert.equal(limiter.gain, 1);
});
