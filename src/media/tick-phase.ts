/** How long after its time a packet shall be played: ticks come up to 2 ms late, and slots of the clock are 2 ms apart. */
const WANTED_SLACK_MS = 4;
/** More slack than this is taken away, in the end; much more at once. */
const TOO_MUCH_MS = 8;
const FAR_TOO_MUCH_MS = 12;
/** With less than this the next packet may be missed. */
const TOO_LITTLE_MS = 1;
/** Frames that are judged together, and how many such groups must agree on a small matter. */
const GROUP = 10;
const GROUPS = 5;
const LARGEST_SHIFT_MS = 16;
const STEP_MS = 2;

/**
 * Brings a tick close behind the packets that it plays, so that they do not wait for it: a source sends in its own rhythm of 20 ms, and
 * against ours its phase is random, and drifts. To move the tick a few milliseconds costs the listener nothing, where waiting costs
 * delay and dropping or inserting audio is heard. Fits where one source feeds one listener. Pure: knows no clock.
 */
export class TickPhase {
  #frames = 0;
  #groups = 0;
  #leastOfGroup = Number.POSITIVE_INFINITY;
  #leastOfAll = Number.POSITIVE_INFINITY;

  /** Notes how long a frame waited beyond what its jitter asks for (`JitterBuffer.slackMs`); NaN: there was none. */
  note(slackMs: number): void {
    if (Number.isNaN(slackMs)) return;
    this.#frames += 1;
    if (slackMs < this.#leastOfGroup) this.#leastOfGroup = slackMs;
  }

  /** Milliseconds by which the ticks from now on shall come earlier; negative: later; a multiple of 2, mostly 0. */
  takeShift(): number {
    if (this.#frames < GROUP) return 0;
    const least = this.#leastOfGroup;
    this.#frames = 0;
    this.#groups += 1;
    this.#leastOfGroup = Number.POSITIVE_INFINITY;
    this.#leastOfAll = Math.min(this.#leastOfAll, least);
    if (least < TOO_LITTLE_MS || least > FAR_TOO_MUCH_MS) return this.#shiftFrom(least);
    if (this.#groups < GROUPS) return 0;
    return this.#shiftFrom(this.#leastOfAll);
  }

  #shiftFrom(leastMs: number): number {
    this.#groups = 0;
    this.#leastOfAll = Number.POSITIVE_INFINITY;
    if (leastMs >= TOO_LITTLE_MS && leastMs <= TOO_MUCH_MS) return 0;
    const shift = Math.floor((leastMs - WANTED_SLACK_MS) / STEP_MS) * STEP_MS;
    return Math.max(-LARGEST_SHIFT_MS, Math.min(LARGEST_SHIFT_MS, shift));
  }
}
