import { ILB } from './g722-tables.ts';

/** How the step size of one band adapts (G.722 §3.5, §4.5). */
export interface StepRule {
  readonly initial: number;
  readonly multipliers: Int16Array;
  readonly limit: number;
  /** 8 in the lower band, 10 in the higher. */
  readonly exponent: number;
}

/**
 * One sub-band of G.722: adaptive step size, and the predictor of two poles and six zeros (§3.6, block 4 of figure 4). All
 * arithmetic is that of the recommendation: 16 bits, saturating.
 */
export class G722Band {
  /** Prediction of the next sample (S). */
  prediction = 0;
  /** Step size (DET). */
  step: number;
  readonly #rule: StepRule;
  #logStep = 0; // NB
  #zeroSection = 0; // SZ
  #a1 = 0;
  #a2 = 0;
  #r1 = 0; // reconstructed signal, one and two samples ago
  #r2 = 0;
  #p1 = 0; // partially reconstructed signal
  #p2 = 0;
  readonly #b = new Int32Array(6);
  readonly #d = new Int32Array(6); // quantised differences, newest first

  constructor(rule: StepRule) {
    this.#rule = rule;
    this.step = rule.initial;
  }

  /** Takes in one quantised difference (`DLOW`, `DHIGH`) and the code that it came from; afterwards `prediction` is the next one. */
  adapt(difference: number, code: number): void {
    this.#scale(code);
    const reconstructed = saturate(this.prediction + difference); // RECONS
    const partial = saturate(this.#zeroSection + difference); // PARREC
    this.#adaptPoles(partial);
    const zeros = this.#adaptZeros(difference);
    this.#r2 = this.#r1;
    this.#r1 = reconstructed;
    this.#p2 = this.#p1;
    this.#p1 = partial;
    this.#zeroSection = saturate(zeros); // FILTEZ
    const poles = saturate(
      ((this.#a1 * saturate(2 * this.#r1)) >> 15) + ((this.#a2 * saturate(2 * this.#r2)) >> 15), // FILTEP
    );
    this.prediction = saturate(poles + this.#zeroSection); // PREDIC
  }

  /** LOGSCL and SCALEL, LOGSCH and SCALEH. */
  #scale(code: number): void {
    const { multipliers, limit, exponent } = this.#rule;
    const next = ((this.#logStep * 127) >> 7) + (multipliers[code] as number);
    this.#logStep = next < 0 ? 0 : next > limit ? limit : next;
    const mantissa = ILB[(this.#logStep >> 6) & 31] as number;
    const shift = exponent - (this.#logStep >> 11);
    this.step = (shift < 0 ? mantissa << -shift : mantissa >> shift) << 2;
  }

  /** UPPOL2, UPPOL1: by the signs of the partially reconstructed signal now and before. */
  #adaptPoles(partial: number): void {
    const sameAsLast = partial >> 15 === this.#p1 >> 15;
    const sameAsSecond = partial >> 15 === this.#p2 >> 15;
    const four = saturate(4 * this.#a1);
    const fed = sameAsLast ? Math.min(-four, 32767) : four;
    const second = (sameAsSecond ? 128 : -128) + (fed >> 7) + ((this.#a2 * 32512) >> 15);
    this.#a2 = second > 12288 ? 12288 : second < -12288 ? -12288 : second;
    const first = saturate((sameAsLast ? 192 : -192) + ((this.#a1 * 32640) >> 15));
    const limit = saturate(15360 - this.#a2);
    this.#a1 = first > limit ? limit : first < -limit ? -limit : first;
  }

  /** UPZERO, the shift of DELAYA, and the sum of FILTEZ. */
  #adaptZeros(difference: number): number {
    const b = this.#b;
    const d = this.#d;
    const gain = difference === 0 ? 0 : 128;
    const sign = difference >> 15;
    let sum = 0;
    let newer = difference;
    for (let tap = 0; tap < 6; tap++) {
      const old = d[tap] as number;
      const moved = old >> 15 === sign ? gain : -gain;
      const coefficient = saturate(moved + (((b[tap] as number) * 32640) >> 15));
      b[tap] = coefficient;
      d[tap] = newer;
      sum += (coefficient * saturate(2 * newer)) >> 15;
      newer = old;
    }
    return sum;
  }
}

/** Limits to 16 bits. */
export function saturate(value: number): number {
  return value > 32767 ? 32767 : value < -32768 ? -32768 : value;
}
