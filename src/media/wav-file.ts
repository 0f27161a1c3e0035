import { fail, ok, type Result } from '../errors.ts';
import type { AudioRate } from './audio-coding.ts';

export interface WavSound {
  readonly rate: AudioRate;
  /** Mono. */
  readonly samples: Int16Array;
}

const rates: readonly number[] = [8000, 16_000, 48_000];

/** Reads a RIFF WAVE file: 16-bit PCM of one or two channels at 8, 16 or 48 kHz. Fails with `internal` and what is wrong. */
export function readWav(file: Buffer): Result<WavSound> {
  if (
    file.length < 12 ||
    file.toString('latin1', 0, 4) !== 'RIFF' ||
    file.toString('latin1', 8, 12) !== 'WAVE'
  )
    return bad('it is not WAVE');
  let format: { channels: number; rate: number } | undefined;
  for (let at = 12; at + 8 <= file.length; ) {
    const name = file.toString('latin1', at, at + 4);
    const size = file.readUInt32LE(at + 4);
    const body = file.subarray(at + 8, Math.min(at + 8 + size, file.length));
    if (name === 'fmt ' && body.length >= 16) {
      const isPcm = [1, 0xfffe].includes(body.readUInt16LE(0)) && body.readUInt16LE(14) === 16;
      if (!isPcm) return bad('it is not 16-bit PCM');
      format = { channels: body.readUInt16LE(2), rate: body.readUInt32LE(4) };
    } else if (name === 'data') {
      return readSamples(body, format);
    }
    at += 8 + size + (size & 1);
  }
  return bad('it has no samples');
}

function readSamples(body: Buffer, format: { channels: number; rate: number } | undefined): Result<WavSound> {
  if (format === undefined) return bad('it does not tell its format');
  const { channels, rate } = format;
  if (channels !== 1 && channels !== 2) return bad('it has more than two channels');
  if (!rates.includes(rate)) return bad(`its rate is ${rate}; it must be 8000, 16000 or 48000 (best)`);
  const samples = new Int16Array(Math.floor(body.length / (2 * channels)));
  for (let index = 0; index < samples.length; index += 1) {
    const at = index * 2 * channels;
    const first = body.readInt16LE(at);
    samples[index] = channels === 1 ? first : (first + body.readInt16LE(at + 2)) >> 1;
  }
  return samples.length > 0 ? ok({ rate: rate as AudioRate, samples }) : bad('it is empty');
}

function bad(what: string): Result<never> {
  return fail('internal', `not a sound file that can be used: ${what}`);
}
