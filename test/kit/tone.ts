import { spawnSync } from 'node:child_process';
import type { Sound } from './sound.ts';

/** Peak amplitude of a sine at `dbfs`; 0 dBFS is a sine that just fills 16 bits. */
export const amplitude = (dbfs: number): number => 32767 * 10 ** (dbfs / 20);

/** A steady sine. Default level −12 dBFS. */
export function tone(hz: number, rate: number, seconds: number, dbfs = -12): Sound {
  const peak = amplitude(dbfs);
  const samples = new Int16Array(Math.round(rate * seconds));
  for (let i = 0; i < samples.length; i += 1) {
    samples[i] = Math.round(peak * Math.sin((2 * Math.PI * hz * i) / rate));
  }
  return { rate, samples };
}

/**
 * A rising sweep from 400 to 3,000 Hz in `seconds`, faded at both ends: a mark that is found again to a fraction of a
 * millisecond, through any codec of the telephone band.
 */
export function chirp(rate: number, seconds = 0.2, dbfs = -12): Sound {
  const peak = amplitude(dbfs);
  const count = Math.round(rate * seconds);
  const samples = new Int16Array(count);
  for (let i = 0; i < count; i += 1) {
    const t = i / rate;
    const phase = 2 * Math.PI * (400 * t + ((3000 - 400) / (2 * seconds)) * t * t);
    const fade = Math.min(1, i / (count * 0.1), (count - i) / (count * 0.1));
    samples[i] = Math.round(peak * fade * Math.sin(phase));
  }
  return { rate, samples };
}

/** English speech by espeak-ng, at the rate that is asked for; in another of its voices, e.g. `en+f3`. */
export function speech(text: string, rate: number, voice = 'en'): Sound {
  const spoken = output('espeak-ng', ['-v', voice, '--stdout', text]);
  return { rate, samples: pcm(output('ffmpeg', [...quiet, '-i', 'pipe:0', ...raw(rate), 'pipe:1'], spoken)) };
}

/** Changes the sampling rate (ffmpeg's resampler). */
export function resample(sound: Sound, rate: number): Sound {
  const { buffer, byteOffset, byteLength } = sound.samples;
  const input = ['-f', 's16le', '-ar', String(sound.rate), '-ac', '1', '-i', 'pipe:0'];
  const bytes = Buffer.from(buffer, byteOffset, byteLength);
  return { rate, samples: pcm(output('ffmpeg', [...quiet, ...input, ...raw(rate), 'pipe:1'], bytes)) };
}

const quiet = ['-hide_banner', '-loglevel', 'error'];
const raw = (rate: number) => ['-f', 's16le', '-ar', String(rate), '-ac', '1'];

function output(command: string, args: readonly string[], input?: Buffer): Buffer {
  const { status, stdout, stderr, error } = spawnSync(command, args, { input, maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`${command} failed: ${error?.message ?? stderr.toString()}`);
  return stdout;
}

function pcm(bytes: Buffer): Int16Array {
  return new Int16Array(new Uint8Array(bytes).buffer, 0, bytes.length >> 1);
}
