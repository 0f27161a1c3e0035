import type { Codec } from '../../config/config.ts';
import { type AudioEncoder, type AudioRate, codecRates, createAudioEncoder } from '../audio-codec.ts';
import { PeakLimiter, peakOf } from '../peak-limiter.ts';
import { type EncodedFrame, Mix, silence } from './mix.ts';

/** One who speaks in this tick. */
export interface Voice {
  readonly ssrc: number;
  readonly frame: Int16Array;
}

/** Voices of one tick are numbered in the bits of a word. */
export const MAX_VOICES = 30;

const longestPayload = 1275;

/**
 * All mixes of one room at one rate. Per tick: `begin` with the voices, `choose` for each listener, `finish`, and then the frames
 * of the mixes are there. Listeners who hear the same voices get the same mix, made and coded once.
 */
export class RateMix {
  readonly rate: AudioRate;
  readonly #limiter = new PeakLimiter();
  readonly #everything: Mix;
  readonly #sum: Int32Array;
  readonly #part: Int32Array;
  readonly #mixes: Mix[] = [];
  readonly #encoders = new Map<Codec, AudioEncoder>();
  readonly #encoded = new Map<Codec, EncodedFrame>();
  #used = 0;
  #voices: readonly Voice[] = [];
  #expectedLoss = 5;

  constructor(rate: AudioRate) {
    this.rate = rate;
    this.#everything = new Mix(rate);
    this.#everything.isEverything = true;
    this.#sum = new Int32Array(rate / 50);
    this.#part = new Int32Array(rate / 50);
  }

  /** `voices` stay as they are until `finish`; at most `MAX_VOICES`. */
  begin(voices: readonly Voice[]): void {
    this.#voices = voices;
    this.#used = 0;
    this.#everything.voices = 2 ** voices.length - 1;
    this.#everything.renew();
    for (const encoded of this.#encoded.values()) encoded.length = 0;
  }

  /** The mix of those whom a listener hears. Its frame is made by `finish`. */
  choose(hears: (ssrc: number) => boolean): Mix {
    let heard = 0;
    for (let index = 0; index < this.#voices.length; index += 1) {
      if (hears((this.#voices[index] as Voice).ssrc)) heard |= 1 << index;
    }
    if (heard === this.#everything.voices) return this.#everything;
    if (heard === 0) return silence(this.rate);
    for (let index = 0; index < this.#used; index += 1) {
      const mix = this.#mixes[index] as Mix;
      if (mix.voices === heard) return mix;
    }
    return this.#add(heard);
  }

  /** Sums. */
  finish(): void {
    const sum = this.#sum;
    sum.fill(0);
    for (const voice of this.#voices) add(sum, voice.frame);
    let peak = peakOf(sum);
    for (let index = 0; index < this.#used; index += 1) {
      peak = Math.max(peak, peakOf(this.#reduce((this.#mixes[index] as Mix).voices)));
    }
    this.#limiter.prepare(peak);
    this.#limiter.apply(sum, this.#everything.frame);
    for (let index = 0; index < this.#used; index += 1) {
      const mix = this.#mixes[index] as Mix;
      this.#limiter.apply(this.#reduce(mix.voices), mix.frame);
    }
  }

  /**
   * The mix in a codec, 20 ms. Codecs with memory are shared by those who hear everything, and by nobody else: undefined. Length 0
   * when the encoder is not ready.
   */
  encoded(mix: Mix, codec: Codec): EncodedFrame | undefined {
    return mix.g711(codec) ?? (mix.isEverything ? this.everything(codec) : undefined);
  }

  /** What those hear who do not speak themselves. */
  everything(codec: Codec): EncodedFrame {
    let encoded = this.#encoded.get(codec);
    if (encoded === undefined) {
      encoded = { bytes: Buffer.alloc(longestPayload), length: 0 };
      this.#encoded.set(codec, encoded);
    }
    if (encoded.length === 0) {
      encoded.length = this.#encoder(codec).encode(this.#everything.frame, encoded.bytes);
    }
    return encoded;
  }

  /** What one of the phones reports to lose, percent. The shared encoder provides for the worst, and forgets slowly. */
  reportLoss(percent: number): void {
    this.#expectedLoss = Math.max(percent, this.#expectedLoss * 0.9, 5);
    for (const encoder of this.#encoders.values()) encoder.setExpectedLoss(this.#expectedLoss);
  }

  close(): void {
    for (const encoder of this.#encoders.values()) encoder.close();
    this.#encoders.clear();
  }

  #add(voices: number): Mix {
    let mix = this.#mixes[this.#used];
    if (mix === undefined) {
      mix = new Mix(this.rate);
      this.#mixes.push(mix);
    }
    this.#used += 1;
    mix.voices = voices;
    mix.renew();
    return mix;
  }

  /** The sum of some of the voices: all, without those who are missing. */
  #reduce(voices: number): Int32Array {
    this.#part.set(this.#sum);
    for (let index = 0; index < this.#voices.length; index += 1) {
      if ((voices & (1 << index)) === 0) subtract(this.#part, (this.#voices[index] as Voice).frame);
    }
    return this.#part;
  }

  #encoder(codec: Codec): AudioEncoder {
    let encoder = this.#encoders.get(codec);
    if (encoder === undefined) {
      encoder = createAudioEncoder(codec, { rate: codecRates[codec], forwardErrorCorrection: true });
      encoder.setExpectedLoss(this.#expectedLoss);
      this.#encoders.set(codec, encoder);
    }
    return encoder;
  }
}

function add(sum: Int32Array, frame: Int16Array): void {
  for (let at = 0; at < sum.length; at += 1) sum[at] = (sum[at] as number) + (frame[at] as number);
}

function subtract(sum: Int32Array, frame: Int16Array): void {
  for (let at = 0; at < sum.length; at += 1) sum[at] = (sum[at] as number) - (frame[at] as number);
}
