/** Silence is still sent for so long: every decoder has come to rest by then, and a short pause between words is not touched. */
const tailMs = 200;
/** Then one packet in each of these keeps the stream, and the pinhole of a NAT, open; libopus does the same. */
const refreshMs = 400;

/** What a packet of the mix becomes for a phone that takes pauses. `comfort`: one that marks, or refreshes, the pause. */
export type Passage = 'send' | 'comfort' | 'skip';

/** Finds the pauses in what a phone hears: silence alone, so that no quiet voice is cut and the first sound after it passes at once. */
export class SilenceGate {
  #silentMs = 0;
  #sinceComfortMs = 0;

  /** For the next packet, of `ms`. */
  next(isSilent: boolean, ms: number): Passage {
    if (!isSilent) {
      this.#silentMs = 0;
      return 'send';
    }
    const isTail = this.#silentMs < tailMs;
    this.#silentMs += ms;
    if (isTail) {
      this.#sinceComfortMs = refreshMs;
      return 'send';
    }
    const isDue = this.#sinceComfortMs >= refreshMs;
    this.#sinceComfortMs = (isDue ? 0 : this.#sinceComfortMs) + ms;
    return isDue ? 'comfort' : 'skip';
  }
}
