/** Quieter than this (−dBov), and no voice for a while, is background that nobody misses. A hold music is louder. */
const QUIET_LEVEL = 55;
/** Background is still sent for this many frames, so that the receiver learns what to make in its place. */
const HANGOVER_FRAMES = 20;
/** Then a sample of it is sent once in so many frames: 400 ms, as libopus does. */
const REFRESH_FRAMES = 20;
/** What stands out of the background by so much is the breathed beginning of a word, and is sent. */
const OUTSTANDING_DB = 4;
/** After it, frames of background that are sent before the pause goes on. */
const SHORT_HANGOVER_FRAMES = 5;
/** Part of a new level in that of the background. */
const FOLLOW = 0.1;

/** What a frame of a sender with discontinuous transmission becomes. `begin` is the mark after which the receiver makes noise itself. */
export type PauseAction = 'send' | 'begin' | 'skip';

/** Finds the pauses of a voice (RFC 6716 §2.1.9), so that a phone that only breathes costs no encoding. */
export class PauseDetector {
  #quiet = 0;
  #background = QUIET_LEVEL;

  /** For the next 20 ms: its level in −dBov, and whether there was voice in it or a moment ago. */
  next(level: number, isVoice: boolean): PauseAction {
    if (isVoice || level < QUIET_LEVEL) {
      this.#quiet = 0;
      return 'send';
    }
    this.#background = this.#quiet === 0 ? level : this.#background + (level - this.#background) * FOLLOW;
    if (this.#background - level > OUTSTANDING_DB) {
      this.#quiet = Math.min(this.#quiet, HANGOVER_FRAMES - SHORT_HANGOVER_FRAMES);
      return 'send';
    }
    this.#quiet += 1;
    const pause = this.#quiet - HANGOVER_FRAMES;
    if (pause <= 0 || pause % REFRESH_FRAMES === 0) return 'send';
    return pause % REFRESH_FRAMES === 1 ? 'begin' : 'skip';
  }
}
