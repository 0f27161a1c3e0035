import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { G722Decoder, G722Encoder } from './g722.ts';

/** ffmpeg reproduces the ITU's test vectors, so it is our oracle. Runs it from `input` bytes to bytes. */
function ffmpeg(input: Buffer, from: string[], to: string[]): Buffer {
  const args = ['-v', 'error', ...from, '-i', 'pipe:0', ...to, 'pipe:1'];
  return execFileSync('ffmpeg', args, { input, maxBuffer: 1 << 26 });
}

const raw16k = ['-f', 's16le', '-ar', '16000', '-ac', '1'];

function samplesOf(bytes: Buffer): Int16Array {
  return Int16Array.from({ length: bytes.length >> 1 }, (_, at) => bytes.readInt16LE(2 * at));
}

function bytesOf(samples: Int16Array): Buffer {
  return Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);
}

function generated(length: number, at: (n: number) => number): Int16Array {
  return Int16Array.from({ length }, (_, n) => Math.max(-32768, Math.min(32767, Math.round(at(n)))));
}

let seed = 1;
function random(): number {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 31 - 1;
}

function speech(): Int16Array {
  const wav = execFileSync('espeak-ng', [
    '--stdout',
    'The quick brown fox jumps over the lazy dog, seven times.',
  ]);
  return samplesOf(ffmpeg(wav, [], raw16k));
}

const second = 16000;
const signals: Record<string, () => Int16Array> = {
  'loud noise': () => generated(3 * second, () => random() * 40000),
  'soft noise': () => generated(3 * second, () => random() * 300),
  'tones over the band': () => generated(4 * second, (n) => 20000 * Math.sin((n * n) / 40000)),
  'clipped square wave': () => generated(second, (n) => (n % 37 < 18 ? 32767 : -32768)),
  'silence, a click, silence': () => generated(second, (n) => (n === 8000 ? -32768 : 0)),
  speech,
};

for (const [name, make] of Object.entries(signals)) {
  test(`${name}: every byte and every sample equals ffmpeg's`, () => {
    const pcm = make();
    const even = pcm.subarray(0, pcm.length - (pcm.length % 640));
    assert.ok(even.length > 0);
    const expected = ffmpeg(bytesOf(even), raw16k, ['-c:a', 'g722', '-f', 'g722']);
    const encoder = new G722Encoder();
    const codes = Buffer.alloc(even.length / 2);
    for (let at = 0; at < even.length; at += 320) {
      assert.equal(encoder.encode(even.subarray(at, at + 320), codes, at / 2), 160);
    }
    assert.ok(
      codes.equals(expected),
      `first difference at ${codes.findIndex((code, at) => code !== expected[at])}`,
    );
    const heard = samplesOf(ffmpeg(codes, ['-f', 'g722'], raw16k));
    const decoded = new Int16Array(even.length);
    assert.equal(new G722Decoder().decode(codes, decoded), even.length);
    assert.deepEqual(decoded, heard);
  });
}

test('a random stream of codes decodes as ffmpeg decodes it', () => {
  const codes = Buffer.from(Array.from({ length: 40_000 }, () => Math.floor((random() + 1) * 128)));
  const decoded = new Int16Array(codes.length * 2);
  new G722Decoder().decode(codes, decoded);
  assert.deepEqual(decoded, samplesOf(ffmpeg(codes, ['-f', 'g722'], raw16k)));
});
