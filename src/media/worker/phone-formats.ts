import type { Codec } from '../../config/config.ts';
import { type AudioDecoder, codecRates, createAudioDecoder } from '../audio-codec.ts';
import type { PhoneMedia } from '../media-engine.ts';

/**
 * The codec of a packet of the phone; undefined: it is no audio that was agreed. A phone whose answer named several codecs may change
 * between them in mid-call (RFC 3264 §6.1), also to one that we do not send: as far as it decodes to the rate of the call.
 */
export function codecOf(payloadType: number, phone: PhoneMedia): Codec | undefined {
  if (payloadType === phone.receivePayloadType) return phone.codec;
  const other = phone.alternatives?.find((format) => format.payloadType === payloadType)?.codec;
  return other !== undefined && fits(other, phone.codec) ? other : undefined;
}

/** Decodes a codec at the rate of the call. */
export function decoderFor(codec: Codec, phone: PhoneMedia): AudioDecoder {
  return createAudioDecoder(codec, codecRates[phone.codec]);
}

function fits(codec: Codec, sent: Codec): boolean {
  return codec === 'opus' || codecRates[codec] === codecRates[sent];
}
