import type { Codec } from '../../config/config.ts';
import type { AudioRate } from '../audio-codec.ts';
import { encodeAlaw, encodeMulaw } from '../g711.ts';

/** A payload that several phones get. Valid until the next tick. */
export interface EncodedFrame {
  readonly bytes: Buffer;
  length: number;
}

/** 20 ms that one or more listeners of a room hear. Objects are used again in the next tick. */
export class Mix {
  readonly rate: AudioRate;
  readonly frame: Int16Array;
  /** Which of the voices of this tick it holds: bit n stands for the n-th. */
  voices = 0;
  /** All voices of the room: who does not speak himself hears this. */
  isEverything = false;
  #isSilent: boolean | undefined;
  readonly #g711: Record<'PCMU' | 'PCMA', EncodedFrame>;

  constructor(rate: AudioRate) {
    this.rate = rate;
    this.frame = new Int16Array(rate / 50);
    const empty = () => ({ bytes: Buffer.alloc(rate === 8000 ? this.frame.length : 0), length: 0 });
    this.#g711 = { PCMU: empty(), PCMA: empty() };
  }

  /** The frame has changed. */
  renew(): void {
    this.#isSilent = undefined;
    this.#g711.PCMU.length = 0;
    this.#g711.PCMA.length = 0;
  }

  /** Nothing is to be heard in the frame; looked at once for all who hear it. */
  get isSilent(): boolean {
    this.#isSilent ??= isSilent(this.frame);
    return this.#isSilent;
  }

  /** The frame in a codec without memory, coded once for all who hear it; undefined for other codecs. */
  g711(codec: Codec): EncodedFrame | undefined {
    if (codec !== 'PCMU' && codec !== 'PCMA') return undefined;
    const encoded = this.#g711[codec];
    if (encoded.length === 0) {
      const encode = codec === 'PCMU' ? encodeMulaw : encodeAlaw;
      encoded.length = encode(this.frame, encoded.bytes);
    }
    return encoded;
  }
}

/** −78 dBov: what a decoder's rounding leaves of silence. */
const rounding = 4;

export function isSilent(samples: Int16Array): boolean {
  return samples.every((sample) => sample <= rounding && sample >= -rounding);
}

const silences = new Map<AudioRate, Mix>();

/** What a phone hears that hears nobody. */
export function silence(rate: AudioRate): Mix {
  let mix = silences.get(rate);
  if (mix === undefined) {
    mix = new Mix(rate);
    silences.set(rate, mix);
  }
  return mix;
}
