/**
 * G.711, written from the Recommendation with bit loops: slow, and no copy of the gateway's.
 */
export function ulawDecode(code: number): number {
  const inverted = ~code & 0xff;
  const magnitude = ((((inverted & 0x0f) << 3) + 0x84) << ((inverted & 0x70) >> 4)) - 0x84;
  return inverted & 0x80 ? 0 - magnitude : magnitude;
}

export function ulawEncode(sample: number): number {
  const magnitude = Math.min(Math.abs(sample), 32635) + 0x84;
  let segment = 7;
  while (segment > 0 && !(magnitude & (0x80 << segment))) segment -= 1;
  return ~((sample < 0 ? 0x80 : 0) | (segment << 4) | ((magnitude >> (segment + 3)) & 0x0f)) & 0xff;
}

export function alawDecode(code: number): number {
  const plain = code ^ 0x55;
  const segment = (plain & 0x70) >> 4;
  const mantissa = ((plain & 0x0f) << 4) + 8;
  const magnitude = segment === 0 ? mantissa : (mantissa + 0x100) << (segment - 1);
  return plain & 0x80 ? magnitude : -magnitude;
}

export function alawEncode(sample: number): number {
  const magnitude = Math.min(sample < 0 ? -sample - 1 : sample, 32767);
  let segment = 7;
  while (segment > 0 && !(magnitude & (0x80 << segment))) segment -= 1;
  const mantissa = segment === 0 ? (magnitude >> 4) & 0x0f : (magnitude >> (segment + 3)) & 0x0f;
  return ((sample < 0 ? 0 : 0x80) | (segment << 4) | mantissa) ^ 0x55;
}
