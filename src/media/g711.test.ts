import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeAlaw, decodeMulaw, encodeAlaw, encodeMulaw } from './g711.ts';

/** The reference of the ITU's software tools (G.191, ulaw_compress): the segment found by shifting. */
function mulawReference(sample: number): number {
  const magnitude = Math.min((sample < 0 ? ~sample >> 2 : sample >> 2) + 33, 0x1fff);
  let segment = 1;
  for (let rest = magnitude >> 6; rest > 0; rest >>= 1) segment++;
  const code = ((8 - segment) << 4) | (15 - ((magnitude >> segment) & 15));
  return sample >= 0 ? code | 0x80 : code;
}

/** G.191, alaw_compress. */
function alawReference(sample: number): number {
  let magnitude = (sample < 0 ? ~sample : sample) >> 4;
  if (magnitude > 15) {
    let exponent = 1;
    for (; magnitude > 31; magnitude >>= 1) exponent++;
    magnitude = magnitude - 16 + (exponent << 4);
  }
  return (sample >= 0 ? magnitude | 0x80 : magnitude) ^ 0x55;
}

const everySample = Int16Array.from({ length: 65536 }, (_, bits) => bits - 32768);
const everyCode = Buffer.from(Array.from({ length: 256 }, (_, code) => code));
const laws = [
  { name: 'µ-law', encode: encodeMulaw, decode: decodeMulaw, reference: mulawReference },
  { name: 'A-law', encode: encodeAlaw, decode: decodeAlaw, reference: alawReference },
];

for (const { name, encode, decode, reference } of laws) {
  test(`${name}: every one of the 65 536 inputs gets the ITU's code`, () => {
    const codes = Buffer.alloc(65536);
    assert.equal(encode(everySample, codes), 65536);
    for (const [at, sample] of everySample.entries()) {
      if (codes[at] !== reference(sample)) assert.fail(`${sample}: ${codes[at]}, not ${reference(sample)}`);
    }
  });

  test(`${name}: tandem coding changes nothing`, () => {
    const samples = new Int16Array(256);
    const again = Buffer.alloc(256);
    decode(everyCode, samples);
    encode(samples, again);
    // µ-law has two codes for zero; both decode to 0, which encodes as positive zero.
    if (name === 'µ-law') assert.equal(again[0x7f], 0xff);
    again[0x7f] = name === 'µ-law' ? 0x7f : (again[0x7f] as number);
    assert.deepEqual(again, everyCode);
  });
}

test('known values of tables 1 and 2', () => {
  const samples = new Int16Array(4);
  decodeMulaw(Buffer.from([0x00, 0x80, 0xff, 0x7f]), samples);
  assert.deepEqual([...samples], [-32124, 32124, 0, 0]);
  decodeAlaw(Buffer.from([0x2a, 0xaa, 0xd5, 0x55]), samples);
  assert.deepEqual([...samples], [-32256, 32256, 8, -8]);
});

test('a part of a frame is coded where asked, and nothing else is touched', () => {
  const out = Buffer.alloc(6, 0xee);
  encodeMulaw(Int16Array.of(0, 0, 0), out, 2, 2);
  assert.equal(out.toString('hex'), 'eeeeffffeeee');
});
