import { JitterEstimate, MAX_TARGET_MS } from './jitter-estimate.ts';

const TICK_MS = 20;
/** Less lack or surplus of waiting time than this is left alone. */
const HYSTERESIS_MS = 5;
const PULLS_BETWEEN_STRETCHES = 10;
/** As long as no packet came too late, it is no matter when no more than this lacks. */
const BIG_LACK_MS = 10;
/** Pulls in a row that show a surplus before it is believed; a big one is believed sooner. */
const PATIENCE = 50;
const PATIENCE_WHEN_BIG = 5;
/** In a pause of the voice nobody hears the correction. */
const PATIENCE_WHEN_QUIET = 2;
const BIG_SURPLUS_MS = 2 * TICK_MS;
/** Part of the packets lost from which on it pays to wait for the next packet's copy. */
const LOSSY = 0.01;
/** And below which it does not pay any more: a good moment is no good network. */
const LOSSLESS = 0.002;
const LOSS_WEIGHT = 0.005;

/** Decides how long packets of one source wait, and when the listener falls short of that or far behind it. */
export class PlayoutDelay {
  readonly estimate = new JitterEstimate();
  readonly #forwardErrorCorrection: boolean;
  #lossRate = 0;
  #isLossy = false;
  #sinceStretch = 0;
  /** A packet came too late since there was enough waiting time. */
  #wasLate = false;
  #surplusMs = 0;
  #surplusPulls = 0;

  constructor(forwardErrorCorrection: boolean) {
    this.#forwardErrorCorrection = forwardErrorCorrection;
  }

  /** How long a packet shall wait after the fastest would have come. */
  targetMs(packetMs: number): number {
    const target = this.estimate.targetMs;
    if (!this.#forwardErrorCorrection || !this.#isLossy) return target;
    return Math.min(target + packetMs, MAX_TARGET_MS);
  }

  /** The packet that was added last to the estimate came when its time was over. */
  noteLate(transitMs: number): void {
    this.estimate.noteLate(transitMs);
    this.#wasLate = true;
  }

  noteLoss(): void {
    this.#lossRate += (1 - this.#lossRate) * LOSS_WEIGHT;
    if (this.#lossRate > LOSSY) this.#isLossy = true;
  }

  noteFrame(): void {
    this.#lossRate *= 1 - LOSS_WEIGHT;
    if (this.#lossRate < LOSSLESS) this.#isLossy = false;
  }

  /** True when the next packet waited so much too short that those after it must be played a tick later. */
  shouldStretch(waitedMs: number, targetMs: number): boolean {
    this.#sinceStretch += 1;
    const lackMs = targetMs - waitedMs;
    if (lackMs <= HYSTERESIS_MS) this.#wasLate = false;
    if (lackMs <= (this.#wasLate ? HYSTERESIS_MS : BIG_LACK_MS)) return false;
    if (this.#sinceStretch < PULLS_BETWEEN_STRETCHES) return false;
    this.#sinceStretch = 0;
    return true;
  }

  /** `waitedMs` includes what is queued at the listener. */
  noteWait(waitedMs: number, targetMs: number): void {
    this.#surplusMs = waitedMs - targetMs - TICK_MS;
    this.#surplusPulls = this.#surplusMs > HYSTERESIS_MS ? this.#surplusPulls + 1 : 0;
  }

  /** See JitterBuffer.takeSurplus. */
  takeSurplus(isQuiet: () => boolean): number {
    if (this.#surplusPulls < PATIENCE_WHEN_QUIET) return 0;
    const patience = this.#surplusMs > BIG_SURPLUS_MS ? PATIENCE_WHEN_BIG : PATIENCE;
    if (this.#surplusPulls < patience && !isQuiet()) return 0;
    this.#surplusPulls = 0;
    return this.#surplusMs;
  }

  reset(): void {
    this.estimate.reset();
    this.#wasLate = false;
    this.#surplusPulls = 0;
  }
}
