/** A challenger must be this much louder than the weakest of the chosen. */
const MARGIN_DB = 3;
/** A source that was chosen stays at least this long. */
const HOLD_MS = 300;
/** A source that sends nothing for this long gives up its place. */
const IDLE_MS = 500;
/** A source that is never heard of for this long is forgotten. */
const FORGET_MS = 30_000;
/** Of the distance to a new level, this part is taken at once: louder quickly, softer slowly, so that pauses between words do not count. */
const RISE = 0.5;
const FALL = 0.05;
/** What a source without the audio-level extension counts as. */
const UNKNOWN_LEVEL = 40;

interface Source {
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
  readonly #sources = new Map<number, Source>();
  #chosen = 0;

  /** `limit` is K. */
  constructor(limit = 5) {
    this.#limit = limit;
  }

  /**
   * Notes a packet of a source, with its level (0 loudest, 127 silence, −1 unknown), and answers whether it is to be decoded.
   */
  hears(ssrc: number, level: number, nowMs: number): boolean {
    return this.mayHear(ssrc, level, nowMs) && this.choose(ssrc, level, nowMs);
  }

  /**
   * Whether a packet that is not authenticated yet is worth it: its source is chosen, or by this level would be. What an unproven packet
   * says moves only the loudness of a source that is not heard.
   */
  mayHear(ssrc: number, level: number, nowMs: number): boolean {
    const source = this.#sources.get(ssrc) ?? this.#add(ssrc, nowMs);
    if (source.chosen) return true;
    smooth(source, level);
    source.heardMs = nowMs;
    if (level === 127) return false; // silence takes no place
    return this.#chosen < this.#limit || this.#loser(source, nowMs) !== undefined;
  }

  /** Gives an authenticated packet, for which `mayHear` was asked, to its source; answers whether it is to be decoded. */
  choose(ssrc: number, level: number, nowMs: number): boolean {
    const source = this.#sources.get(ssrc) ?? this.#add(ssrc, nowMs);
    source.heardMs = nowMs;
    if (source.chosen) {
      smooth(source, level);
      return true;
    }
    if (level === 127) return false;
    return this.#challenge(source, nowMs);
  }

  isChosen(ssrc: number): boolean {
    return this.#sources.get(ssrc)?.chosen ?? false;
  }

  /** The smoothed loudness of a source, dBov (0 … −127); undefined when its packets do not say. */
  levelDb(ssrc: number): number | undefined {
    const source = this.#sources.get(ssrc);
    return source?.isKnown === true ? Math.round(source.loudness) - 127 : undefined;
  }

  get chosen(): number[] {
    return [...this.#sources].filter(([, source]) => source.chosen).map(([ssrc]) => ssrc);
  }

  /** The source has left. */
  remove(ssrc: number): void {
    if (this.isChosen(ssrc)) this.#chosen -= 1;
    this.#sources.delete(ssrc);
  }

  /** Gives free the places of those that have stopped sending; call it now and then. Answers the sources that lost their place. */
  expire(nowMs: number): number[] {
    const expired: number[] = [];
    for (const [ssrc, source] of this.#sources) {
      if (source.chosen && nowMs - source.heardMs > IDLE_MS) {
        this.#drop(source);
        expired.push(ssrc);
      }
      if (nowMs - source.heardMs > FORGET_MS) this.#sources.delete(ssrc);
    }
    return expired;
  }

  #add(ssrc: number, nowMs: number): Source {
    const source = { loudness: 0, heardMs: nowMs, chosenMs: 0, chosen: false, isKnown: false };
    this.#sources.set(ssrc, source);
    return source;
  }

  #challenge(source: Source, nowMs: number): boolean {
    if (this.#chosen >= this.#limit) {
      const loser = this.#loser(source, nowMs);
      if (loser === undefined) return false;
      this.#drop(loser);
    }
    source.chosen = true;
    source.chosenMs = nowMs;
    this.#chosen += 1;
    return true;
  }

  /** Who would give up its place to this source. */
  #loser(source: Source, nowMs: number): Source | undefined {
    const weakest = this.#weakest(nowMs);
    if (weakest === undefined) return undefined;
    const idle = nowMs - weakest.heardMs > IDLE_MS;
    return idle || source.loudness >= weakest.loudness + MARGIN_DB ? weakest : undefined;
  }

  /** Of those that have had their time; an idle one first. */
  #weakest(nowMs: number): Source | undefined {
    let weakest: Source | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const source of this.#sources.values()) {
      if (!source.chosen || nowMs - source.chosenMs < HOLD_MS) continue;
      const loudness = nowMs - source.heardMs > IDLE_MS ? -1 : source.loudness;
      if (loudness < least) {
        least = loudness;
        weakest = source;
      }
    }
    return weakest;
  }

  #drop(source: Source): void {
    source.chosen = false;
    this.#chosen -= 1;
  }
}

function loudnessOf(level: number): number {
  return 127 - (level < 0 ? UNKNOWN_LEVEL : level);
}

function smooth(source: Source, level: number): void {
  const loudness = loudnessOf(level);
  source.isKnown ||= level >= 0;
  source.loudness += (loudness - source.loudness) * (loudness > source.loudness ? RISE : FALL);
}
