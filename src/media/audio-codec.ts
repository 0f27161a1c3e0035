import type { Codec } from '../config/config.ts';
import { OpusAudioDecoder, OpusAudioEncoder } from './opus-codecs.ts';
import { G711Decoder, G711Encoder, G722AudioDecoder, G722AudioEncoder } from './waveform-codecs.ts';
import type { OpusEncoderOptions } from './worker/opus.ts';

/** Rates at which audio is mixed. */
export type AudioRate = 8000 | 16000 | 48000;

/** Decodes the packets of one source. Nothing throws on packets. */
export interface AudioDecoder {
  /** Samples in a second of what it gives. */
  readonly rate: AudioRate;
  /** Ticks in a second of the RTP timestamp: 8000 for G.722 too, although it has 16 000 samples (RFC 3551 §4.5.2). */
  readonly clockRate: number;
  /** Duration of a packet in RTP ticks, before decoding; 0 when it is none of this codec. */
  ticks(payload: Uint8Array): number;
  /** Decodes into `out[at…)`; answers the number of samples, 0 when the packet is malformed or does not fit. */
  decode(payload: Uint8Array, out: Int16Array, at?: number): number;
  /** Makes `samples` in place of what was lost. Answers how many it made: nearly always `samples`. */
  conceal(samples: number, out: Int16Array, at?: number): number;
  /** As `conceal`, with the packet that follows the lost one, which may hold a copy of it. */
  recover(next: Uint8Array, samples: number, out: Int16Array, at?: number): number;
  close(): void;
}

export interface AudioEncoder {
  /** Samples in a second of what it takes. */
  readonly rate: AudioRate;
  readonly clockRate: number;
  /** Encodes a frame (Opus: 10, 20, 40 or 60 ms; others: any) into `out[at…)`; answers the number of bytes, 0 when it failed. */
  encode(pcm: Int16Array, out: Buffer, at?: number): number;
  /** What the receiver reports to lose, percent. */
  setExpectedLoss(percent: number): void;
  close(): void;
}

/** Samples in a second on the phone's side: the rate at which its call is mixed. */
export const codecRates: Readonly<Record<Codec, AudioRate>> = {
  opus: 48000,
  G722: 16000,
  PCMU: 8000,
  PCMA: 8000,
};

/** Ticks in a second of the RTP timestamp. */
export const codecClockRates: Readonly<Record<Codec, number>> = {
  opus: 48000,
  G722: 8000,
  PCMU: 8000,
  PCMA: 8000,
};

/** `rate` matters to Opus only, which decodes to any rate (the bridge's sources at the phone's rate). Close it after use. */
export function createAudioDecoder(codec: Codec, rate: AudioRate = codecRates[codec]): AudioDecoder {
  switch (codec) {
    case 'opus':
      return new OpusAudioDecoder(rate);
    case 'G722':
      return new G722AudioDecoder();
    default:
      return new G711Decoder(codec);
  }
}

/** `options` matter to Opus only; its `rate` is that of the samples. Close it after use. */
export function createAudioEncoder(codec: Codec, options: Partial<OpusEncoderOptions> = {}): AudioEncoder {
  switch (codec) {
    case 'opus':
      return new OpusAudioEncoder({ ...options, rate: options.rate ?? 48000 });
    case 'G722':
      return new G722AudioEncoder();
    default:
      return new G711Encoder(codec);
  }
}
