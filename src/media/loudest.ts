/** A challenger must be this much louder than the weakest of the chosen. */
const MARGIN_DB = 3;
/** A source that was chosen stays at least this long. */
const HOLD_MS = 300;
/** A source that sends nothing for this long gives up its place. */
const IDLE_MS = 500;
/** Of the distance to a new level, this part is taken at once: louder quickly, softer slowly, so that pauses between words do not count. */
const RISE = 0.5;
const FALL = 0.05;
/** What a source without the audio-level extension counts as. */
const UNKNOWN_LEVEL = 40;

/** A source as the choice knows it. */
export interface Talker {
  readonly ssrc: number;
  /** 0 (silence) to 127 (overload), smoothed. */
  loudness: number;
  heardMs: number;
  chosenMs: number;
  chosen: boolean;
  /** A packet said how loud it is. */
  isKnown: boolean;
}

/**
 * Chooses the K loudest sources from what their packets say (RFC 6464), before anything is decoded. Those in the choice have the
 * advantage of 3 dB and 300 ms, so that it does not flutter.
 */
export class Loudest {
  readonly #limit: number;
  readonly #talkers = new Set<Talker>();
  #chosen = 0;

  /** `limit` is K. */
  constructor(limit = 5) {
    this.#limit = limit;
  }

  /** A source that may be chosen from now on. */
  enter(ssrc: number): Talker {
    const talker = { ssrc, loudness: 0, heardMs: 0, chosenMs: 0, chosen: false, isKnown: false };
    this.#talkers.add(talker);
    return talker;
  }

  leave(talker: Talker): void {
    if (talker.chosen) this.#drop(talker);
    this.#talkers.delete(talker);
  }

  /**
   * Whether a packet that is not authenticated yet is worth it: its source is chosen, or by this level would be. What an unproven packet
   * says moves only the loudness of a source that is not heard. `level`: 0 loudest, 127 silence, −1 unknown.
   */
  mayHear(talker: Talker, level: number, nowMs: number): boolean {
    if (talker.chosen) return true;
    smooth(talker, level);
    talker.heardMs = nowMs;
    if (level === 127) return false; // silence takes no place
    return this.#chosen < this.#limit || this.#loser(talker, nowMs) !== undefined;
  }

  /** Gives an authenticated packet, for which `mayHear` was asked, to its source; answers whether it is to be decoded. */
  choose(talker: Talker, level: number, nowMs: number): boolean {
    talker.heardMs = nowMs;
    if (talker.chosen) {
      smooth(talker, level);
      return true;
    }
    if (level === 127) return false;
    return this.#challenge(talker, nowMs);
  }

  get chosen(): number[] {
    return [...this.#talkers].filter(({ chosen }) => chosen).map(({ ssrc }) => ssrc);
  }

  /** Gives free the places of those that have stopped sending; call it now and then. */
  expire(nowMs: number): void {
    for (const talker of this.#talkers) {
      if (talker.chosen && nowMs - talker.heardMs > IDLE_MS) this.#drop(talker);
    }
  }

  #challenge(talker: Talker, nowMs: number): boolean {
    if (this.#chosen >= this.#limit) {
      const loser = this.#loser(talker, nowMs);
      if (loser === undefined) return false;
      this.#drop(loser);
    }
    talker.chosen = true;
    talker.chosenMs = nowMs;
    this.#chosen += 1;
    return true;
  }

  /** Who would give up its place to this one. */
  #loser(talker: Talker, nowMs: number): Talker | undefined {
    const weakest = this.#weakest(nowMs);
    if (weakest === undefined) return undefined;
    const idle = nowMs - weakest.heardMs > IDLE_MS;
    return idle || talker.loudness >= weakest.loudness + MARGIN_DB ? weakest : undefined;
  }

  /** Of those that have had their time; an idle one first. */
  #weakest(nowMs: number): Talker | undefined {
    let weakest: Talker | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const talker of this.#talkers) {
      if (!talker.chosen || nowMs - talker.chosenMs < HOLD_MS) continue;
      const loudness = nowMs - talker.heardMs > IDLE_MS ? -1 : talker.loudness;
      if (loudness < least) {
        least = loudness;
        weakest = talker;
      }
    }
    return weakest;
  }

  #drop(talker: Talker): void {
    talker.chosen = false;
    this.#chosen -= 1;
  }
}

/** The smoothed loudness of a source, dBov (0 … −127); undefined when its packets do not say. */
export function levelDb(talker: Talker): number | undefined {
  return talker.isKnown ? Math.round(talker.loudness) - 127 : undefined;
}

function loudnessOf(level: number): number {
  return 127 - (level < 0 ? UNKNOWN_LEVEL : level);
}

function smooth(talker: Talker, level: number): void {
  const loudness = loudnessOf(level);
  talker.isKnown ||= level >= 0;
  talker.loudness += (loudness - talker.loudness) * (loudness > talker.loudness ? RISE : FALL);
}
