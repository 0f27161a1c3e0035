import { seededRandom } from './random.ts';

/** How a network misbehaves towards the packets of one direction. The same seed gives the same fate to the n-th packet. */
export interface Impairment {
  readonly seed?: number;
  readonly lossPercent?: number;
  /**
   * Mean length of a run of lost packets: a Gilbert-Elliott chain whose good state loses nothing and whose bad state loses all. Undefined:
   * each packet is lost by itself.
   */
  readonly lossBurst?: number;
  /** Each packet is held back by 0 to this; packets overtake each other when it is more than their distance. */
  readonly jitterMs?: number;
  /** Each packet is sent twice in this many of a hundred cases. */
  readonly duplicatePercent?: number;
  /** In this many of a hundred cases a packet is held back by `overtakenMs` more, so that the next ones overtake it. */
  readonly reorderPercent?: number;
}

const overtakenMs = 25;

/** Decides what becomes of packet after packet. */
export class PacketFates {
  readonly #impairment: Impairment;
  readonly #random: () => number;
  #isBad = false;

  constructor(impairment: Impairment = {}) {
    this.#impairment = impairment;
    this.#random = seededRandom(impairment.seed ?? 1);
  }

  /** By how many milliseconds each copy of the next packet is held back: none when it is lost. */
  next(): readonly number[] {
    const { jitterMs = 0, duplicatePercent = 0, reorderPercent = 0 } = this.#impairment;
    // As many numbers for each packet whatever becomes of it: a change of one figure leaves the others' effects in their places.
    const [loss, twice, late, first, second] = [
      this.#draw(),
      this.#draw(),
      this.#draw(),
      this.#draw(),
      this.#draw(),
    ];
    if (this.#loses(loss)) return [];
    const held = late * 100 < reorderPercent ? overtakenMs : 0;
    const delays = [held + first * jitterMs];
    if (twice * 100 < duplicatePercent) delays.push(held + second * jitterMs);
    return delays;
  }

  #loses(drawn: number): boolean {
    const { lossPercent = 0, lossBurst } = this.#impairment;
    const part = lossPercent / 100;
    if (lossBurst === undefined) return drawn < part;
    const leave = 1 / lossBurst;
    this.#isBad = this.#isBad ? drawn >= leave : drawn < (leave * part) / (1 - part);
    return this.#isBad;
  }

  #draw(): number {
    return this.#random();
  }
}
