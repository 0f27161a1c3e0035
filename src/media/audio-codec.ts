import type { Codec } from '../config/config.ts';
import type { AudioDecoder, AudioEncoder, AudioRate } from './audio-coding.ts';
import { OpusAudioDecoder, OpusAudioEncoder } from './opus-codecs.ts';
import { G711Decoder, G711Encoder, G722AudioDecoder, G722AudioEncoder } from './waveform-codecs.ts';
import type { OpusEncoderOptions } from './worker/opus.ts';

export type { AudioDecoder, AudioEncoder, AudioRate } from './audio-coding.ts';

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
