import type { SoundSource } from './sound-source.ts';

/** `duck`: what is heard otherwise goes on quietly. `replace`: it is not heard. */
export type PlayMode = 'duck' | 'replace';

export interface PlayedSound {
  /** Told to `onOver`; several sounds may share one: then it is told after the last. */
  readonly id: number;
  readonly mode: PlayMode;
  /** Makes the source for a rate; called again when the rate changes while it plays, which begins it anew. */
  readonly open: (rate: number) => SoundSource;
}

interface Playing extends PlayedSound {
  source: SoundSource;
  isHeard: boolean;
}

/** −14 dB. */
const duckedGain = 0.2;
const maximumQueue = 64;
/** What is stopped fades out so long, that it does not click. */
const fadeMs = 5;

/**
 * What is played into one leg beside its audio: sounds follow each other without a gap, sample by sample, and the first begins with the
 * next frame. The other audio is turned down and up within one frame.
 */
export class PromptPlayer {
  readonly #onOver: (id: number, how: 'ended' | 'stopped') => void;
  readonly #queue: Playing[] = [];
  #rate: number;
  #frame: Int16Array;
  #gain = 1;
  /** The end of what was stopped, for the next frame. */
  readonly #tail: { samples: Int16Array; length: number };

  constructor(rate: number, onOver: (id: number, how: 'ended' | 'stopped') => void) {
    this.#rate = rate;
    this.#frame = new Int16Array(rate / 50);
    this.#tail = { samples: new Int16Array((rate * fadeMs) / 1000), length: 0 };
    this.#onOver = onOver;
  }

  /** Something plays, or the other audio is still on its way up. */
  get isActive(): boolean {
    return this.#queue.length > 0 || this.#gain < 1 || this.#tail.length > 0;
  }

  /** Queues a sound; false when too many are waiting. */
  add(sound: PlayedSound): boolean {
    if (this.#queue.length >= maximumQueue) return false;
    this.#queue.push({ ...sound, source: sound.open(this.#rate), isHeard: false });
    return true;
  }

  /** Ends what plays and empties the queue; with an id only what has it. */
  stop(id?: number): void {
    const stopped = this.#queue.filter((sound) => id === undefined || sound.id === id);
    const rest = this.#queue.filter((sound) => !stopped.includes(sound));
    this.#queue.splice(0, this.#queue.length, ...rest);
    for (const sound of stopped) {
      if (sound.isHeard) this.#fadeOut(sound.source);
      sound.source.close();
    }
    for (const over of new Set(stopped.map((sound) => sound.id))) this.#onOver(over, 'stopped');
  }

  setRate(rate: number): void {
    if (rate === this.#rate) return;
    this.#rate = rate;
    this.#frame = new Int16Array(rate / 50);
    this.#tail.samples = new Int16Array((rate * fadeMs) / 1000);
    this.#tail.length = 0;
    for (const sound of this.#queue) {
      sound.source.close();
      sound.source = sound.open(rate);
      sound.isHeard = false;
    }
  }

  /** Writes 20 ms to `out`: what plays, and `other` (undefined: silence), turned down. They may be the same array. */
  mix(other: Int16Array | undefined, out: Int16Array): void {
    const target = this.#targetGain();
    const played = this.#frame;
    const filled = this.#fill();
    const tail = this.#tail;
    const slope = (target - this.#gain) / out.length;
    for (let at = 0; at < out.length; at += 1) {
      const gain = this.#gain + slope * (at + 1);
      const sample =
        (other === undefined ? 0 : (other[at] as number) * gain) +
        (at < filled ? (played[at] as number) : 0) +
        (at < tail.length ? (tail.samples[at] as number) : 0);
      out[at] = sample > 32767 ? 32767 : sample < -32768 ? -32768 : sample;
    }
    tail.length = 0;
    this.#gain = Math.abs(target - 1) < 1e-6 ? 1 : target;
  }

  #targetGain(): number {
    const playing = this.#queue[0];
    if (playing === undefined) return 1;
    return playing.mode === 'duck' ? duckedGain : 0;
  }

  /** Samples of the frame that sounds have filled. */
  #fill(): number {
    let filled = 0;
    while (filled < this.#frame.length) {
      const playing = this.#queue[0];
      if (playing === undefined) break;
      const read = playing.source.read(this.#frame, filled);
      if (read < 0) break;
      playing.isHeard ||= read > 0;
      filled += read;
      if (read === 0) this.#next(playing);
    }
    return filled;
  }

  #fadeOut(source: SoundSource): void {
    const { samples } = this.#tail;
    const length = Math.max(0, source.read(samples, 0));
    for (let at = 0; at < length; at += 1) samples[at] = (samples[at] as number) * (1 - (at + 1) / length);
    this.#tail.length = length;
  }

  #next(over: Playing): void {
    this.#queue.shift();
    over.source.close();
    if (!this.#queue.some(({ id }) => id === over.id)) this.#onOver(over.id, 'ended');
  }
}
