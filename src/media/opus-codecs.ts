import type { AudioDecoder, AudioEncoder, AudioRate } from './audio-coding.ts';
import { BitRateFollower } from './bit-rate-follower.ts';
import { hasFec, opusPacketTicks } from './opus-packet.ts';
import { OpusDecoder, OpusEncoder, type OpusEncoderOptions } from './worker/opus.ts';

/** RTP clock of Opus, at every sample rate (RFC 7587 §4.1). */
const CLOCK_RATE = 48000;

export class OpusAudioDecoder implements AudioDecoder {
  readonly clockRate = CLOCK_RATE;
  readonly rate: AudioRate;
  readonly #opus: OpusDecoder;

  constructor(rate: AudioRate) {
    this.rate = rate;
    this.#opus = new OpusDecoder(rate);
  }

  ticks(payload: Uint8Array): number {
    return opusPacketTicks(payload);
  }

  decode(payload: Uint8Array, out: Int16Array, at = 0): number {
    return this.#opus.decode(payload, out, at);
  }

  conceal(samples: number, out: Int16Array, at = 0): number {
    return this.#opus.conceal(samples, out, at);
  }

  recover(next: Uint8Array, samples: number, out: Int16Array, at = 0): number {
    return hasFec(next) ? this.#opus.recover(next, samples, out, at) : 0;
  }

  close(): void {
    this.#opus.close();
  }
}

export class OpusAudioEncoder implements AudioEncoder {
  readonly clockRate = CLOCK_RATE;
  readonly rate: AudioRate;
  readonly #opus: OpusEncoder;
  readonly #follower: BitRateFollower;

  constructor(options: OpusEncoderOptions) {
    this.rate = options.rate;
    this.#opus = new OpusEncoder(options);
    this.#follower = new BitRateFollower(options.rate, options.bitRate);
  }

  encode(pcm: Int16Array, out: Buffer, at = 0): number {
    return this.#opus.encode(pcm, out, at);
  }

  restartPrediction(): void {
    this.#opus.restartPrediction();
  }

  setExpectedLoss(percent: number): void {
    const [loss, bitRate] = [this.#follower.expectedLoss, this.#follower.bitRate];
    this.#follower.report(percent);
    if (this.#follower.expectedLoss !== loss) this.#opus.setExpectedLoss(this.#follower.expectedLoss);
    if (this.#follower.bitRate !== bitRate) this.#opus.setBitRate(this.#follower.bitRate);
  }

  close(): void {
    this.#opus.close();
  }
}
