/**
 * ITU-T G.711: 16-bit linear samples to and from 8-bit µ-law and A-law codes, by tables over all inputs, without the bits
 * that a code does not tell apart. Negative inputs are inverted, not negated, before quantising, as the ITU's own software does (G.191).
 */

const mulawUnused = 2;
const alawUnused = 4;
const mulawCodes = table(encodeMulawSample, mulawUnused);
const alawCodes = table(encodeAlawSample, alawUnused);
const mulawSamples = Int16Array.from({ length: 256 }, (_, code) => decodeMulawCode(code));
const alawSamples = Int16Array.from({ length: 256 }, (_, code) => decodeAlawCode(code));

/** Encodes `count` samples into `out[at…)`; answers `count`. */
export function encodeMulaw(pcm: Int16Array, out: Buffer, at = 0, count = pcm.length): number {
  return encode(mulawCodes, mulawUnused, pcm, out, at, count);
}

export function encodeAlaw(pcm: Int16Array, out: Buffer, at = 0, count = pcm.length): number {
  return encode(alawCodes, alawUnused, pcm, out, at, count);
}

/** Decodes every byte of `codes` into `out[at…)`; answers the number of samples. */
export function decodeMulaw(codes: Uint8Array, out: Int16Array, at = 0): number {
  return decode(mulawSamples, codes, out, at);
}

export function decodeAlaw(codes: Uint8Array, out: Int16Array, at = 0): number {
  return decode(alawSamples, codes, out, at);
}

function encode(
  codes: Uint8Array,
  unused: number,
  pcm: Int16Array,
  out: Buffer,
  at: number,
  count: number,
): number {
  for (let sample = 0; sample < count; sample++) {
    out[at + sample] = codes[((pcm[sample] as number) & 0xffff) >> unused] as number;
  }
  return count;
}

function decode(samples: Int16Array, codes: Uint8Array, out: Int16Array, at: number): number {
  for (let code = 0; code < codes.length; code++) {
    out[at + code] = samples[codes[code] as number] as number;
  }
  return codes.length;
}

function table(codeOf: (sample: number) => number, unused: number): Uint8Array {
  return Uint8Array.from({ length: 65536 >> unused }, (_, bits) => codeOf((bits << (16 + unused)) >> 16));
}

/** G.711 table 2: 14 bits, bias 33, eight segments; all bits of the code inverted. */
function encodeMulawSample(sample: number): number {
  const magnitude = Math.min(((sample < 0 ? ~sample : sample) >> 2) + 33, 0x1fff);
  const segment = 26 - Math.clz32(magnitude); // 0…7: the position of the highest bit, from bit 5
  const code = (segment << 4) | ((magnitude >> (segment + 1)) & 0x0f);
  return ~(code | (sample < 0 ? 0x80 : 0)) & 0xff;
}

/** G.711 table 1: 13 bits, eight segments, of which the first two are one line; even bits inverted. */
function encodeAlawSample(sample: number): number {
  const magnitude = (sample < 0 ? ~sample : sample) >> 4;
  const segment = magnitude < 32 ? (magnitude >> 4) & 1 : 28 - Math.clz32(magnitude);
  const code = magnitude < 32 ? magnitude : (segment << 4) | ((magnitude >> (segment - 1)) & 0x0f);
  return (code | (sample < 0 ? 0 : 0x80)) ^ 0x55;
}

function decodeMulawCode(code: number): number {
  const inverted = ~code & 0xff;
  const segment = (inverted >> 4) & 7;
  const magnitude = ((((inverted & 0x0f) << 1) + 33) << segment) - 33;
  return (inverted & 0x80) === 0 ? magnitude * 4 : -magnitude * 4;
}

function decodeAlawCode(code: number): number {
  const plain = code ^ 0x55;
  const segment = (plain >> 4) & 7;
  const step = ((plain & 0x0f) << 1) + 1;
  const magnitude = segment === 0 ? step : (step + 32) << (segment - 1);
  return (plain & 0x80) === 0 ? -magnitude * 8 : magnitude * 8;
}
