import { pitchLag } from './pitch.ts';

const HISTORY_MS = 40;
/** So much is written before the newest is moved to the front. */
const ROOM_MS = 400;
const WINDOW_MS = 10;
const SHORTEST_LAG_MS = 5;
const LONGEST_LAG_MS = 15;
const OVERLAP_MS = 4;
/** Full level for 10 ms, then down to nothing at 60 ms (G.711 appendix I §I.2.7). */
const HOLD_MS = 10;
const FADE_MS = 50;

/**
 * Packet loss concealment for waveform codecs, in the spirit of ITU-T G.711 appendix I: repeats the last pitch period, fading,
 * and blends back into the first sound that is heard again.
 */
export class Concealment {
  readonly #perMs: number;
  /** Sound, heard or made, oldest first; the newest `HISTORY_MS` before `#end` are what counts. */
  readonly #history: Int16Array;
  #end: number;
  #lag = 0;
  /** Samples made since the last that was heard. */
  #made = 0;

  constructor(rate: number) {
    this.#perMs = rate / 1000;
    this.#history = new Int16Array(ROOM_MS * this.#perMs);
    this.#end = HISTORY_MS * this.#perMs;
  }

  /** Tells what was heard: `pcm[at…at + count)`. Right after a loss its beginning is blended, in place. */
  heard(pcm: Int16Array, at: number, count: number): void {
    if (this.#made > 0) this.#blend(pcm, at, count);
    this.#made = 0;
    this.#remember(pcm, at, count);
  }

  /** Writes `count` samples for a loss to `out[at…)`, as many as fit; answers how many. */
  conceal(count: number, out: Int16Array, at = 0): number {
    const fitting = Math.max(0, Math.min(count, out.length - at));
    if (this.#made === 0) this.#lag = this.#findLag();
    const [history, end] = [this.#history, this.#end];
    for (let sample = 0; sample < fitting; sample++) {
      // The period before this sample: in the history, or among what was just made.
      const back = sample - this.#lag;
      const source = back < 0 ? history[end + back] : out[at + back];
      out[at + sample] = source as number;
    }
    this.#remember(out, at, fitting);
    this.#fade(out, at, fitting);
    this.#made += fitting;
    return fitting;
  }

  #findLag(): number {
    const ms = this.#perMs;
    const stride = ms > 8 ? 2 : 1;
    return pitchLag(
      this.#history,
      this.#end,
      WINDOW_MS * ms,
      SHORTEST_LAG_MS * ms,
      LONGEST_LAG_MS * ms,
      stride,
    );
  }

  /** The history keeps the full level, so that the fade is not repeated in itself. */
  #fade(out: Int16Array, at: number, count: number): void {
    for (let sample = 0; sample < count; sample++) {
      out[at + sample] = (out[at + sample] as number) * this.#gain(this.#made + sample);
    }
  }

  #gain(made: number): number {
    const past = made / this.#perMs - HOLD_MS;
    return past <= 0 ? 1 : Math.max(0, 1 - past / FADE_MS);
  }

  /** Fades from what would have been made next into what is there again. */
  #blend(pcm: Int16Array, at: number, count: number): void {
    const overlap = Math.min(OVERLAP_MS * this.#perMs, count);
    const [history, end] = [this.#history, this.#end];
    for (let sample = 0; sample < overlap; sample++) {
      const made = (history[end - this.#lag + sample] as number) * this.#gain(this.#made + sample);
      const weight = (sample + 1) / (overlap + 1);
      pcm[at + sample] = Math.round((pcm[at + sample] as number) * weight + made * (1 - weight));
    }
  }

  #remember(pcm: Int16Array, at: number, count: number): void {
    const history = this.#history;
    const kept = HISTORY_MS * this.#perMs;
    const taken = Math.min(count, kept);
    if (this.#end + taken > history.length) {
      history.copyWithin(0, this.#end - kept, this.#end);
      this.#end = kept;
    }
    const from = at + count - taken;
    for (let sample = 0; sample < taken; sample++) history[this.#end + sample] = pcm[from + sample] as number;
    this.#end += taken;
  }
}
