import { open } from 'node:fs/promises';
import { type Failure, fail, ok, type Result } from '../../errors.ts';
import { readOggOpus } from '../ogg-opus.ts';
import type { OpusSound } from '../opus-sound.ts';
import { readWav, type WavSound } from '../wav-file.ts';
import { OpusEncoder } from './opus.ts';

const largestFile = 32 * 1024 * 1024;
/** Files that are kept; the one that was opened first goes first. */
const kept = 64;
/** Samples at 48 kHz by which libopus delays what it encodes. */
const encoderDelay = 312;
const bitRate = 64_000;
/** The encoder is given other work to let pass after so many frames: a tick must not wait for a file. */
const framesAtOnce = 10;

/** The sound files of one worker, each read once and kept as Opus packets. */
export class SoundFiles {
  readonly #files = new Map<string, Promise<Result<OpusSound>>>();

  /** Ogg Opus, or WAVE with 16-bit PCM. Fails with `internal` and why; a file that failed is tried again next time. */
  load(path: string): Promise<Result<OpusSound>> {
    const known = this.#files.get(path);
    if (known !== undefined) return known;
    const oldest = this.#files.size >= kept ? this.#files.keys().next().value : undefined;
    if (oldest !== undefined) this.#files.delete(oldest);
    const loading = read(path);
    this.#files.set(path, loading);
    void loading.then((result) => {
      if (!result.ok) this.#files.delete(path);
    });
    return loading;
  }
}

async function read(path: string): Promise<Result<OpusSound>> {
  const file = await contents(path);
  if (!file.ok) return file;
  if (file.value.toString('latin1', 0, 4) === 'OggS') return named(path, readOggOpus(file.value));
  const wav = readWav(file.value);
  return wav.ok ? ok(await encode(wav.value)) : named(path, wav);
}

async function contents(path: string): Promise<Result<Buffer>> {
  try {
    const handle = await open(path);
    try {
      const { size } = await handle.stat();
      if (size > largestFile) return fail('internal', `${path} is larger than ${largestFile} bytes`);
      return ok(await handle.readFile());
    } finally {
      await handle.close();
    }
  } catch (error) {
    return fail('internal', `sound file: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function named<T>(path: string, result: Result<T>): Result<T> {
  if (result.ok) return result;
  const error: Failure = { ...result.error, detail: `${path}: ${result.error.detail}` };
  return { ok: false, error };
}

async function encode({ rate, samples }: WavSound): Promise<OpusSound> {
  const encoder = new OpusEncoder({ rate, bitRate, forwardErrorCorrection: false, expectedLoss: 0 });
  await encoder.ready;
  const frame = new Int16Array(rate / 50);
  const packets: Buffer[] = [];
  const packet = Buffer.alloc(1500);
  const delay = (encoderDelay * rate) / 48_000;
  for (let at = 0; at < samples.length + delay; at += frame.length) {
    const piece = samples.subarray(at, at + frame.length);
    frame.fill(0, piece.length);
    frame.set(piece);
    packets.push(Buffer.from(packet.subarray(0, encoder.encode(frame, packet))));
    if (packets.length % framesAtOnce === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  encoder.close();
  return { packets, preSkip: encoderDelay, samples: Math.round((samples.length * 48_000) / rate) };
}
