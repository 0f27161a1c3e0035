import { fail, ok } from '../../errors.ts';
import type { AudioRate } from '../audio-coding.ts';
import type { Digit } from '../dtmf-event.ts';
import { dtmfFrequencies } from '../dtmf-tones.ts';
import type { PlayOptions, Prompt } from '../media-engine.ts';
import { type PlayedSound, PromptPlayer } from '../prompt-player.ts';
import type { WorkerResult } from '../protocol.ts';
import { ToneSource } from '../sound-source.ts';
import { Mix } from './mix.ts';
import { OpusSource } from './opus-source.ts';
import type { SoundFiles } from './sound-files.ts';

export interface CallSoundsOptions {
  readonly files: SoundFiles;
  readonly rate: AudioRate;
  /** What `play` began is over. */
  readonly onPlayed: (play: number, how: 'ended' | 'stopped') => void;
}

/** −12 dBov for each of the two tones of a digit; a pause of 80 ms after it. */
const digitLevelDb = -12;
const digitPauseMs = 80;
const commaMs = 1000;
const usualLevelDb = -15;
const longestToneMs = 60_000;
/** Not the id of a `play`. */
const digitId = -1;
const holdId = -2;

/** What is played into the legs of one call: prompts, tones, and digits for a phone that understands nothing better. */
export class CallSounds {
  readonly #options: CallSoundsOptions;
  readonly #players: Readonly<Record<'phone' | 'room', PromptPlayer>>;
  /** Plays below what `#players` has for the phone. */
  readonly #holdPlayer: PromptPlayer;
  #holdMusic: string | undefined;
  #rate: AudioRate;
  #frame: Int16Array;
  #mix: Mix;

  constructor(options: CallSoundsOptions) {
    this.#options = options;
    this.#rate = options.rate;
    this.#frame = new Int16Array(options.rate / 50);
    this.#mix = new Mix(options.rate);
    const player = (): PromptPlayer =>
      new PromptPlayer(options.rate, (id, how) => {
        if (id !== digitId) options.onPlayed(id, how);
      });
    this.#players = { phone: player(), room: player() };
    this.#holdPlayer = new PromptPlayer(options.rate, () => {});
  }

  setRate(rate: AudioRate): void {
    if (rate === this.#rate) return;
    this.#rate = rate;
    this.#frame = new Int16Array(rate / 50);
    this.#mix = new Mix(rate);
    this.#players.phone.setRate(rate);
    this.#players.room.setRate(rate);
    this.#holdPlayer.setRate(rate);
  }

  /**
   * From the next frame on the phone hears this file in a loop, in place of the room; undefined: the room. What plays goes on when it is
   * named again. Fails when the file cannot be read.
   */
  async setHoldMusic(path: string | undefined): Promise<WorkerResult<null>> {
    if (path === this.#holdMusic) return ok(null);
    this.#holdMusic = path;
    this.#holdPlayer.stop();
    if (path === undefined) return ok(null);
    const open = await this.#opener({ kind: 'file', path, loop: true });
    if (!open.ok) return open;
    // It may have been resumed, and held again, meanwhile.
    if (this.#holdMusic !== path) return ok(null);
    this.#holdPlayer.stop();
    this.#holdPlayer.add({ id: holdId, mode: 'replace', open: open.value });
    return ok(null);
  }

  /** Queues prompts behind what plays already. Fails when a file cannot be read; then none of them plays. */
  async play(play: number, prompts: readonly Prompt[], options: PlayOptions): Promise<WorkerResult<null>> {
    const { leg = 'phone', mode = 'duck' } = options;
    const sounds: PlayedSound[] = [];
    for (const prompt of prompts) {
      const open = await this.#opener(prompt);
      if (!open.ok) return open;
      sounds.push({ id: play, mode, open: open.value });
    }
    if (sounds.length === 0) return fail('internal', 'nothing to play');
    const player = this.#players[leg];
    if (sounds.every((sound) => player.add(sound))) return ok(null);
    player.stop(play);
    return fail('internal', 'too much is waiting to be played');
  }

  stop(leg: 'phone' | 'room'): void {
    this.#players[leg].stop();
  }

  /** Queues the tones of a digit for the phone, in place of the room's sound. */
  playDigit({ digit, durationMs }: Digit): void {
    const tones = dtmfFrequencies(digit);
    const tone = (frequencies: readonly number[], ms: number): PlayedSound => ({
      id: digitId,
      mode: 'replace',
      open: (rate) => new ToneSource(rate, frequencies, ms, digitLevelDb),
    });
    if (tones !== undefined) this.#players.phone.add(tone(tones, durationMs));
    this.#players.phone.add(tone([], tones === undefined ? commaMs : digitPauseMs));
  }

  /** 20 ms for the room: `voice` itself when nothing plays; undefined is silence. Valid until the next call. */
  toRoom(voice: Int16Array | undefined): Int16Array | undefined {
    if (!this.#players.room.isActive) return voice;
    this.#players.room.mix(voice, this.#frame);
    return this.#frame;
  }

  /** 20 ms for the phone, at its rate: `mix` itself when nothing plays. Valid until the next call. */
  toPhone(mix: Mix): Mix {
    let heard = mix;
    for (const player of [this.#holdPlayer, this.#players.phone]) {
      if (!player.isActive) continue;
      player.mix(heard.frame, this.#mix.frame);
      heard = this.#mix;
    }
    if (heard === this.#mix) this.#mix.renew();
    return heard;
  }

  close(): void {
    this.#players.phone.stop();
    this.#players.room.stop();
    this.#holdMusic = undefined;
    this.#holdPlayer.stop();
  }

  async #opener(prompt: Prompt): Promise<WorkerResult<PlayedSound['open']>> {
    if (prompt.kind === 'tone') {
      const { frequencies, ms, levelDb = usualLevelDb } = prompt;
      return ok((rate) => new ToneSource(rate, frequencies, Math.min(ms, longestToneMs), levelDb));
    }
    const sound = await this.#options.files.load(prompt.path);
    if (!sound.ok) return sound;
    return ok((rate) => new OpusSource(sound.value, rate as AudioRate, prompt.loop === true));
  }
}
