import { G722Band, type StepRule, saturate } from './g722-band.ts';
import { HIGHER_STEPS, ILN, ILP, LOWER_STEPS, Q6, QM2, QM4, QM6, QMF } from './g722-tables.ts';

/** ITU-T G.722 at 64 kbit/s (mode 1): 16 000 samples a second, two of them in each byte. */

const lower: StepRule = { initial: 32, multipliers: LOWER_STEPS, limit: 18432, exponent: 8 };
const higher: StepRule = { initial: 8, multipliers: HIGHER_STEPS, limit: 22528, exponent: 10 };

export class G722Encoder {
  readonly #low = new G722Band(lower);
  readonly #high = new G722Band(higher);
  readonly #filter = new MirrorFilter();

  /** Encodes an even number of samples into `out[at…)`; answers the number of bytes. */
  encode(pcm: Int16Array, out: Uint8Array, at = 0): number {
    const bytes = pcm.length >> 1;
    const filter = this.#filter;
    for (let byte = 0; byte < bytes; byte++) {
      filter.push(pcm[2 * byte] as number, pcm[2 * byte + 1] as number);
      const sum = (filter.later + filter.earlier) >> 14;
      const difference = (filter.later - filter.earlier) >> 14;
      out[at + byte] = (this.#encodeHigh(difference) << 6) | this.#encodeLow(sum);
    }
    return bytes;
  }

  /** SUBTRA, QUANTL, INVQAL. */
  #encodeLow(sample: number): number {
    const low = this.#low;
    const error = saturate(sample - low.prediction);
    const magnitude = error < 0 ? ~error : error;
    let interval = 1;
    while (interval < 30 && magnitude >= ((Q6[interval] as number) * low.step) >> 12) interval++;
    const code = (error < 0 ? ILN[interval] : ILP[interval]) as number;
    low.adapt((low.step * (QM4[code >> 2] as number)) >> 15, code >> 2);
    return code;
  }

  /** SUBTRA, QUANTH, INVQAH. */
  #encodeHigh(sample: number): number {
    const high = this.#high;
    const error = saturate(sample - high.prediction);
    const magnitude = error < 0 ? ~error : error;
    const outer = magnitude >= (564 * high.step) >> 12;
    const code = (error < 0 ? 1 : 3) - (outer ? 1 : 0);
    high.adapt((high.step * (QM2[code] as number)) >> 15, code);
    return code;
  }
}

export class G722Decoder {
  readonly #low = new G722Band(lower);
  readonly #high = new G722Band(higher);
  readonly #filter = new MirrorFilter();

  /** Decodes every byte into two samples at `out[at…)`; answers the number of samples. */
  decode(codes: Uint8Array, out: Int16Array, at = 0): number {
    const filter = this.#filter;
    let next = at;
    for (let byte = 0; byte < codes.length; byte++) {
      const code = codes[byte] as number;
      const low = this.#decodeLow(code & 0x3f);
      const high = this.#decodeHigh(code >> 6);
      filter.push(low + high, low - high);
      out[next] = saturate(filter.later >> 11);
      out[next + 1] = saturate(filter.earlier >> 11);
      next += 2;
    }
    return next - at;
  }

  /** INVQBL, RECONS, LIMIT; the predictor runs on the upper four bits alone (INVQAL). */
  #decodeLow(code: number): number {
    const low = this.#low;
    const sample = limit(low.prediction + ((low.step * (QM6[code] as number)) >> 15));
    low.adapt((low.step * (QM4[code >> 2] as number)) >> 15, code >> 2);
    return sample;
  }

  #decodeHigh(code: number): number {
    const high = this.#high;
    const difference = (high.step * (QM2[code] as number)) >> 15;
    const sample = limit(high.prediction + difference);
    high.adapt(difference, code);
    return sample;
  }
}

/** The 24 taps of the quadrature mirror filter, fed two samples at a time (§3.1, §4.4). */
class MirrorFilter {
  /** Sums over the newer and the older samples of each pair. */
  later = 0;
  earlier = 0;
  // Written twice, half a length apart, so that 24 samples always lie in a row.
  readonly #line = new Int32Array(48);
  #at = 0;

  push(first: number, second: number): void {
    const line = this.#line;
    const at = this.#at;
    line[at] = line[at + 24] = first;
    line[at + 1] = line[at + 25] = second;
    const start = at + 2;
    this.#at = start === 24 ? 0 : start;
    let earlier = 0;
    let later = 0;
    for (let tap = 0; tap < 12; tap++) {
      earlier += (line[start + 2 * tap] as number) * (QMF[tap] as number);
      later += (line[start + 2 * tap + 1] as number) * (QMF[11 - tap] as number);
    }
    this.earlier = earlier;
    this.later = later;
  }
}

/** LIMIT: 15 bits. */
function limit(value: number): number {
  return value > 16383 ? 16383 : value < -16384 ? -16384 : value;
}
