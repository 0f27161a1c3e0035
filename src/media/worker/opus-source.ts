import type { OpusSound } from '../opus-sound.ts';
import type { SoundSource } from '../sound-source.ts';
import { OpusDecoder, type OpusRate } from './opus.ts';

const clockRate = 48_000;
const longestPacketMs = 120;
/** Where a loop begins and ends it fades for so long: whatever its first and last samples are, it does not click. */
const edgeMs = 5;

/** Plays a recording: decodes packet by packet, at the rate of the leg. */
export class OpusSource implements SoundSource {
  readonly #sound: OpusSound;
  readonly #rate: OpusRate;
  readonly #isLoop: boolean;
  readonly #pcm: Int16Array;
  /** Samples from its beginning to its end. */
  readonly #length: number;
  #decoder: OpusDecoder;
  #isReady = false;
  #packet = 0;
  #start = 0;
  #end = 0;
  /** Samples to leave out, and to play until the end. */
  #skip = 0;
  #left = 0;

  constructor(sound: OpusSound, rate: OpusRate, isLoop: boolean) {
    this.#sound = sound;
    this.#rate = rate;
    this.#isLoop = isLoop;
    this.#length = Math.round((sound.samples * rate) / clockRate);
    this.#pcm = new Int16Array((rate / 1000) * longestPacketMs);
    this.#decoder = this.#open();
  }

  read(out: Int16Array, at: number): number {
    if (!this.#isReady) return -1;
    if (this.#left === 0 && !this.#rewind()) return 0;
    while (this.#start === this.#end) if (!this.#decodeNext()) return 0;
    const count = Math.min(out.length - at, this.#end - this.#start, this.#left);
    out.set(this.#pcm.subarray(this.#start, this.#start + count), at);
    if (this.#isLoop) this.#soften(out.subarray(at, at + count));
    this.#start += count;
    this.#left -= count;
    return count;
  }

  close(): void {
    this.#decoder.close();
  }

  #open(): OpusDecoder {
    const decoder = new OpusDecoder(this.#rate);
    void decoder.ready.then(() => {
      this.#isReady = true;
    });
    this.#begin();
    return decoder;
  }

  #begin(): void {
    const { preSkip } = this.#sound;
    this.#packet = 0;
    this.#start = 0;
    this.#end = 0;
    this.#skip = Math.round((preSkip * this.#rate) / clockRate);
    this.#left = this.#length;
  }

  /** The decoder goes on with its state from the end, which is as good as the encoder's silence before the beginning. */
  #rewind(): boolean {
    if (this.#isLoop) this.#begin();
    return this.#isLoop;
  }

  /** Fades what is next when it is near an end of the loop. */
  #soften(piece: Int16Array): void {
    const edge = (this.#rate * edgeMs) / 1000;
    const from = this.#length - this.#left;
    if (from >= edge && this.#left - piece.length >= edge) return;
    for (let at = 0; at < piece.length; at += 1) {
      const gain = Math.min(1, (from + at) / edge, (this.#left - at - 1) / edge);
      piece[at] = (piece[at] as number) * gain;
    }
  }

  #decodeNext(): boolean {
    const packet = this.#sound.packets[this.#packet];
    if (packet === undefined) return false;
    this.#packet += 1;
    this.#end = this.#decoder.decode(packet, this.#pcm);
    if (this.#end === 0) return false;
    this.#start = Math.min(this.#skip, this.#end);
    this.#skip -= this.#start;
    return true;
  }
}
