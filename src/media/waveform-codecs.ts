import type { AudioDecoder, AudioEncoder } from './audio-coding.ts';
import { Concealment } from './concealment.ts';
import { decodeAlaw, decodeMulaw, encodeAlaw, encodeMulaw } from './g711.ts';
import { G722Decoder, G722Encoder } from './g722.ts';

const CLOCK_RATE = 8000;
/** RTP carries at most this much of G.711 or G.722 in a packet here: 120 ms, one byte a tick. */
const MAX_BYTES = 960;

/** PCMU and PCMA (RFC 3551 §4.5.14). */
export class G711Decoder implements AudioDecoder {
  readonly rate = 8000;
  readonly clockRate = CLOCK_RATE;
  readonly #decode: typeof decodeMulaw;
  readonly #concealment = new Concealment(8000);

  constructor(codec: 'PCMU' | 'PCMA') {
    this.#decode = codec === 'PCMU' ? decodeMulaw : decodeAlaw;
  }

  ticks(payload: Uint8Array): number {
    return payload.length <= MAX_BYTES ? payload.length : 0;
  }

  decode(payload: Uint8Array, out: Int16Array, at = 0): number {
    if (payload.length > MAX_BYTES || at + payload.length > out.length) return 0;
    const samples = this.#decode(payload, out, at);
    this.#concealment.heard(out, at, samples);
    return samples;
  }

  conceal(samples: number, out: Int16Array, at = 0): number {
    return this.#concealment.conceal(samples, out, at);
  }

  /** These codecs carry no copies. */
  recover(): number {
    return 0;
  }

  close(): void {}
}

export class G711Encoder implements AudioEncoder {
  readonly rate = 8000;
  readonly clockRate = CLOCK_RATE;
  readonly #encode: typeof encodeMulaw;

  constructor(codec: 'PCMU' | 'PCMA') {
    this.#encode = codec === 'PCMU' ? encodeMulaw : encodeAlaw;
  }

  encode(pcm: Int16Array, out: Buffer, at = 0): number {
    return at + pcm.length <= out.length ? this.#encode(pcm, out, at) : 0;
  }

  restartPrediction(): void {}

  setExpectedLoss(): void {}

  close(): void {}
}

/** G.722 at 64 kbit/s: two samples a byte, and a timestamp that counts bytes (RFC 3551 §4.5.2). */
export class G722AudioDecoder implements AudioDecoder {
  readonly rate = 16000;
  readonly clockRate = CLOCK_RATE;
  readonly #g722 = new G722Decoder();
  readonly #concealment = new Concealment(16000);

  ticks(payload: Uint8Array): number {
    return payload.length <= MAX_BYTES ? payload.length : 0;
  }

  decode(payload: Uint8Array, out: Int16Array, at = 0): number {
    if (payload.length > MAX_BYTES || at + 2 * payload.length > out.length) return 0;
    const samples = this.#g722.decode(payload, out, at);
    this.#concealment.heard(out, at, samples);
    return samples;
  }

  conceal(samples: number, out: Int16Array, at = 0): number {
    return this.#concealment.conceal(samples, out, at);
  }

  /** These codecs carry no copies. */
  recover(): number {
    return 0;
  }

  close(): void {}
}

export class G722AudioEncoder implements AudioEncoder {
  readonly rate = 16000;
  readonly clockRate = CLOCK_RATE;
  readonly #g722 = new G722Encoder();

  encode(pcm: Int16Array, out: Buffer, at = 0): number {
    return at + pcm.length / 2 <= out.length ? this.#g722.encode(pcm, out, at) : 0;
  }

  restartPrediction(): void {}

  setExpectedLoss(): void {}

  close(): void {}
}
