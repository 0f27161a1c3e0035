import { readFileSync, writeFileSync } from 'node:fs';
import type { Sound } from './sound.ts';

/** Writes 16-bit PCM, mono or the same sound on each of `channels`. */
export function writeWav(file: string, sound: Sound, channels = 1): void {
  const data = Buffer.alloc(sound.samples.length * 2 * channels);
  for (let i = 0; i < sound.samples.length; i += 1) {
    for (let channel = 0; channel < channels; channel += 1) {
      data.writeInt16LE(sound.samples[i] ?? 0, (i * channels + channel) * 2);
    }
  }
  const header = Buffer.alloc(44);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(36 + data.length, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(channels, 22);
  header.writeUInt32LE(sound.rate, 24);
  header.writeUInt32LE(sound.rate * 2 * channels, 28);
  header.writeUInt16LE(2 * channels, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(data.length, 40);
  writeFileSync(file, Buffer.concat([header, data]));
}

/**
 * Reads 16-bit PCM, first channel. The sizes in the header are not believed when the file is still being written: the
 * data reach to its end then.
 */
export function readWav(file: string): Sound {
  const bytes = readFileSync(file);
  if (bytes.toString('latin1', 0, 4) !== 'RIFF' || bytes.toString('latin1', 8, 12) !== 'WAVE') {
    throw new Error(`${file} is no WAV file`);
  }
  let format: { channels: number; rate: number } | undefined;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const name = bytes.toString('latin1', at, at + 4);
    const size = bytes.readUInt32LE(at + 4);
    const body = at + 8;
    if (name === 'fmt ') {
      if (bytes.readUInt16LE(body + 14) !== 16) throw new Error(`${file} has no 16-bit samples`);
      format = { channels: bytes.readUInt16LE(body + 2), rate: bytes.readUInt32LE(body + 4) };
    }
    if (name === 'data' && format) {
      const end = size === 0 ? bytes.length : Math.min(body + size, bytes.length);
      return { rate: format.rate, samples: firstChannel(bytes.subarray(body, end), format.channels) };
    }
    at = body + size + (size % 2);
  }
  throw new Error(`${file} has no samples`);
}

function firstChannel(data: Buffer, channels: number): Int16Array {
  const samples = new Int16Array(Math.floor(data.length / (2 * channels)));
  for (let i = 0; i < samples.length; i += 1) samples[i] = data.readInt16LE(i * 2 * channels);
  return samples;
}
