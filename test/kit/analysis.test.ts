import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { dominant, gaps, level, levelAt, levels, locate } from './analysis.ts';
import { cut, join, mix, repeat, type Sound, seconds, silence } from './sound.ts';
import { spectrogram } from './spectrogram.ts';
import { chirp, resample, speech, tone } from './tone.ts';
import { readWav, writeWav } from './wav.ts';

const near = (actual: number, expected: number, tolerance: number, what: string) =>
  assert.ok(
    Math.abs(actual - expected) <= tolerance,
    `${what}: ${actual}, expected ${expected} ± ${tolerance}`,
  );

/** White noise of a fixed seed, so that a failure can be repeated. */
function noise(rate: number, length: number, peak: number): Sound {
  let state = 1;
  const samples = Int16Array.from({ length: rate * length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return ((state / 2 ** 31 - 1) * peak) | 0;
  });
  return { rate, samples };
}

for (const rate of [8000, 16000, 48000]) {
  test(`three tones at ${rate} Hz are found with their levels, loudest first`, () => {
    const sound = mix(
      tone(440, rate, 2, -12),
      tone(700, rate, 2, -20),
      tone(1250, rate, 2, -26),
      noise(rate, 2, 30),
    );
    const found = dominant(sound);
    assert.equal(found.length, 3, JSON.stringify(found));
    for (const [i, [hz, dbfs]] of (
      [
        [440, -12],
        [700, -20],
        [1250, -26],
      ] as const
    ).entries()) {
      near(found[i]?.hz ?? 0, hz, 2, 'frequency');
      near(found[i]?.dbfs ?? 0, dbfs, 1, 'level');
      near(levelAt(sound, hz), dbfs, 0.2, 'Goertzel');
    }
    assert.ok(levelAt(sound, 900) < -60);
  });
}

test('a wrong tone and a missing tone are told from the right one', () => {
  const wrong = tone(480, 8000, 1);
  assert.ok(levelAt(wrong, 440) < -50);
  assert.ok(Math.abs((dominant(wrong)[0]?.hz ?? 0) - 440) > 30);
  assert.deepEqual(dominant(silence(8000, 1)), []);
});

test('levels: a full sine has 0 dBFS, half the amplitude 6 dB less, silence none', () => {
  near(level(tone(1000, 8000, 1, 0)), 0, 0.05, 'full scale');
  near(level(tone(1000, 8000, 1, -6.02)), -6.02, 0.05, 'half');
  assert.equal(level(silence(8000, 1)), -120);
  const steps = levels(join(tone(1000, 8000, 0.1, -10), tone(1000, 8000, 0.1, -30)));
  assert.equal(steps.length, 10);
  near(steps[2] ?? 0, -10, 0.1, 'first half');
  near(steps[7] ?? 0, -30, 0.1, 'second half');
});

test('a steady tone has no gap, even with noise and a clock that is 200 ppm off', () => {
  assert.deepEqual(gaps(tone(440, 8000, 5), 440), []);
  assert.deepEqual(gaps(mix(tone(440, 48000, 5), noise(48000, 5, 300)), 440), []);
  assert.deepEqual(gaps(tone(440 * 1.0002, 8000, 5), 440), []);
  assert.deepEqual(gaps(tone(1000, 16000, 5, -30), 1000), []);
});

test('planted silences are found to 5 ms', () => {
  const steady = tone(440, 8000, 3);
  steady.samples.fill(0, 8000, 8160); // 20 ms at 1 s
  steady.samples.fill(0, 16000, 16800); // 100 ms at 2 s
  const found = gaps(steady, 440);
  assert.deepEqual(
    found.map((gap) => gap.kind),
    ['silence', 'silence'],
  );
  near(found[0]?.from ?? 0, 1, 0.005, 'from');
  near(found[0]?.to ?? 0, 1.02, 0.005, 'to');
  near((found[1]?.to ?? 0) - (found[1]?.from ?? 0), 0.1, 0.01, 'length');
});

test('a lost packet that was closed up, and a repeated one, are found although nothing is silent', () => {
  const hz = 430; // 20 ms are not a whole number of periods
  const steady = tone(hz, 8000, 3);
  for (const broken of [
    join(cut(steady, 0, 1), cut(steady, 1.02)),
    join(cut(steady, 0, 1), cut(steady, 0.98)),
  ]) {
    const found = gaps(broken, hz);
    assert.equal(found.length, 1, JSON.stringify(found));
    assert.equal(found[0]?.kind, 'discontinuity');
    near(found[0]?.from ?? 0, 1, 0.03, 'place');
  }
});

test('the delay of a mark is found to a millisecond, under a tone and through noise; an absent mark is not', () => {
  const mark = chirp(8000);
  const heard = mix(
    join(silence(8000, 0.7371), mark, silence(8000, 1)),
    tone(300, 8000, 1.5, -24),
    noise(8000, 1.9, 500),
  );
  near(locate(heard, mark)?.at ?? 0, 0.7371, 0.001, 'delay');
  assert.equal(locate(noise(8000, 2, 8000), mark), undefined);
  assert.equal(locate(silence(8000, 2), mark), undefined);
});

test('WAV files keep samples and rate, and are read while they are being written', (t) => {
  const folder = mkdtempSync(`${tmpdir()}/jigasi-sound-`);
  t.after(() => rmSync(folder, { recursive: true }));
  const sound = tone(440, 16000, 0.5);
  for (const channels of [1, 2]) {
    writeWav(`${folder}/a.wav`, sound, channels);
    assert.deepEqual(readWav(`${folder}/a.wav`), sound);
  }
  const probe = spawnSync('ffprobe', [
    '-v',
    'error',
    '-show_entries',
    'format=duration',
    '-of',
    'csv=p=0',
    `${folder}/a.wav`,
  ]);
  near(Number(probe.stdout), 0.5, 0.001, 'length by ffprobe');
});

test('a spectrogram is a picture with a bright line at the tone and black elsewhere', (t) => {
  const folder = mkdtempSync(`${tmpdir()}/jigasi-sound-`);
  t.after(() => rmSync(folder, { recursive: true }));
  spectrogram(tone(1000, 16000, 3), `${folder}/a.png`);
  const decode = ['-v', 'error', '-i', `${folder}/a.png`, '-f', 'rawvideo', '-pix_fmt', 'gray', 'pipe:1'];
  const gray = spawnSync('ffmpeg', decode, { maxBuffer: 1 << 24 }).stdout;
  assert.equal(gray.length, 320 * 276);
  const at = (y: number) => gray[y * 320 + 170] ?? 0;
  assert.ok(at(192) > 120, `line: ${at(192)}`);
  assert.ok(at(96) < 10, `3 kHz: ${at(96)}`);
});

test('speech and resampling come out at the rate that was asked for', () => {
  const words = speech('The phone is in the room', 8000);
  assert.ok(seconds(words) > 1 && seconds(words) < 5);
  assert.ok(level(words) > -40);
  near(dominant(resample(tone(440, 8000, 1), 48000))[0]?.hz ?? 0, 440, 1, 'tone');
  near(seconds(repeat(words, 10)), 10, 0.001, 'repeat');
});
