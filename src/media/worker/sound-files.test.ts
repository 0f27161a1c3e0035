import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readOggOpus } from '../ogg-opus.ts';
import { readWav } from '../wav-file.ts';
import { wavOf } from './call.fixture.ts';
import { loadOpus } from './opus.ts';
import { OpusSource } from './opus-source.ts';
import { SoundFiles } from './sound-files.ts';

await loadOpus();
const directory = await mkdtemp(join(tmpdir(), 'jigasi-sounds-'));
after(() => rm(directory, { recursive: true }));

/** One second: silence, then 500 Hz from sample `from` (at 48 kHz) on. */
function wav(rate: number, channels: number, from = 24_000): Buffer {
  const samples = Array.from({ length: rate }, (_, at) =>
    at < (from * rate) / 48_000 ? 0 : Math.round(12_000 * Math.sin((2 * Math.PI * 500 * at) / rate)),
  );
  return wavOf(rate, channels, Int16Array.from(samples.flatMap((sample) => Array(channels).fill(sample))));
}

test('a file of any rate plays at the rate of any phone, from its first sample to its last', async () => {
  for (const [fileRate, channels] of [
    [8000, 1],
    [16_000, 2],
    [48_000, 1],
  ] as const) {
    const path = join(directory, `${fileRate}.wav`);
    await writeFile(path, wav(fileRate, channels));
    const sound = await new SoundFiles().load(path);
    assert.ok(sound.ok, JSON.stringify(sound));
    for (const rate of [8000, 16_000, 48_000] as const) {
      const pcm = await play(new OpusSource(sound.value, rate, false), rate);
      assert.equal(pcm.length, rate, 'exactly a second');
      const onset = (pcm.findIndex((sample) => Math.abs(sample) > 6000) * 1000) / rate;
      assert.ok(Math.abs(onset - 500.3) < 2, `${fileRate} at ${rate}: begins at ${onset} ms`);
    }
  }
});

test('a loop goes on', async () => {
  const path = join(directory, 'loop.wav');
  await writeFile(path, wav(8000, 1));
  const sound = await new SoundFiles().load(path);
  assert.ok(sound.ok);
  const source = new OpusSource(sound.value, 8000, true);
  const pcm = await play(source, 30_000);
  assert.equal(pcm.length, 30_000);
  source.close();
});

test('what is no sound file is refused with its name, and read again when it was mended', async () => {
  const files = new SoundFiles();
  const path = join(directory, 'broken.wav');
  for (const contents of ['', 'RIFF', 'OggS', 'text', `RIFF0000WAVE${'x'.repeat(99)}`]) {
    await writeFile(path, contents);
    const sound = await files.load(path);
    assert.ok(!sound.ok && sound.error.detail?.includes(path), contents);
  }
  await writeFile(path, wav(44_100, 1));
  assert.match(JSON.stringify(await files.load(path)), /44100/);
  await writeFile(path, wav(8000, 1));
  assert.equal((await files.load(path)).ok, true);
  assert.equal((await files.load(join(directory, 'none.opus'))).ok, false);
});

test('mutated files are refused or read, and never thrown at', async () => {
  const whole = [wav(8000, 1).subarray(0, 400), Buffer.from('OggS\0\x02'.padEnd(60, '\x01'), 'latin1')];
  let seed = 7;
  const random = (limit: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed % limit;
  };
  for (let round = 0; round < 3000; round += 1) {
    const file = Buffer.from(whole[round % 2] as Buffer);
    for (let change = 0; change < 4; change += 1) file[random(file.length)] = random(256);
    const cut = file.subarray(0, random(file.length));
    assert.equal(typeof readWav(cut).ok, 'boolean');
    assert.equal(typeof readOggOpus(cut).ok, 'boolean');
  }
});

async function play(source: OpusSource, most: number): Promise<number[]> {
  const samples: number[] = [];
  const frame = new Int16Array(160);
  while (samples.length < most) {
    const count = source.read(frame, 0);
    if (count === 0) break;
    if (count > 0) samples.push(...frame.subarray(0, count));
    else await new Promise((resolve) => setImmediate(resolve));
  }
  return samples.slice(0, most);
}
