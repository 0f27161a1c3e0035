import { seededRandom } from '../../kit/random.ts';
import { join, type Sound, silence } from '../../kit/sound.ts';
import { resample, speech } from '../../kit/tone.ts';

/** A piece of speech as P.862 wants it: 10 s, several sentences, pauses between them. */
export interface Piece {
  readonly name: string;
  readonly at48: Sound;
  readonly at16: Sound;
  readonly at8: Sound;
}

export const pieceSeconds = 10;

interface Script {
  readonly voice: string;
  readonly sentences: readonly string[];
  /** Level of the noise under the speech in dBov; undefined: digital silence in the pauses. */
  readonly noise: number | undefined;
}

/** P.830 speaks at −26 dBov. */
const speechLevel = -26;
const quietest = -50;

const scripts: readonly Script[] = [
  {
    voice: 'en+f2',
    noise: undefined,
    sentences: [
      'The birch canoe slid on the smooth planks.',
      'Glue the sheet to the dark blue background.',
      'Four hours of steady work faced us.',
    ],
  },
  {
    voice: 'en-us+m3',
    noise: -65,
    sentences: [
      'It is easy to tell the depth of a well.',
      'These days a chicken leg is a rare dish.',
      'Rice is often served in round bowls.',
    ],
  },
  {
    voice: 'en-gb-scotland+f4',
    noise: -60,
    sentences: [
      'The juice of lemons makes fine punch.',
      'The box was thrown beside the parked truck.',
      'Large size in stockings is hard to sell.',
    ],
  },
  {
    voice: 'en+m7',
    noise: undefined,
    sentences: [
      'The boy was there when the sun rose.',
      'A rod is used to catch pink salmon.',
      'The source of the huge river is the clear spring.',
    ],
  },
  {
    voice: 'en-us+f5',
    noise: -65,
    sentences: [
      'Kick the ball straight and follow through.',
      'Help the woman get back to her feet.',
      'A pot of tea helps to pass the evening.',
    ],
  },
  {
    voice: 'en-gb-x-rp+m1',
    noise: undefined,
    sentences: [
      'Smoky fires lack flame and heat.',
      'The soft cushion broke the man’s fall.',
      'The salt breeze came across from the sea.',
    ],
  },
];

/** The first `count` of six pieces, always the same. Rests on espeak-ng and ffmpeg. */
export function speechPieces(count: number): Piece[] {
  return scripts.slice(0, count).map((script, index) => {
    const at48 = spoken(script, index);
    return { name: script.voice, at48, at16: resample(at48, 16_000), at8: resample(at48, 8000) };
  });
}

function spoken({ voice, sentences, noise }: Script, index: number): Sound {
  const parts = sentences.flatMap((text, at) => [
    silence(48_000, at === 0 ? 0.5 : 0.6 + 0.15 * at),
    trimmed(speech(text, 48_000, voice)),
  ]);
  const whole = join(silence(48_000, 0), ...parts);
  const samples = new Int16Array(pieceSeconds * 48_000);
  samples.set(levelled(whole).subarray(0, samples.length - 24_000));
  if (noise !== undefined) addNoise(samples, noise, index + 1);
  return { rate: 48_000, samples };
}

/** Without the silence that espeak-ng puts around a sentence. */
function trimmed({ rate, samples }: Sound): Sound {
  const isLoud = (sample: number) => Math.abs(sample) > 60;
  return { rate, samples: samples.slice(samples.findIndex(isLoud), samples.findLastIndex(isLoud) + 1) };
}

/** At the active speech level: frames that are much quieter are pauses. */
function levelled({ samples }: Sound): Int16Array {
  const frame = 960;
  let [power, frames] = [0, 0];
  for (let at = 0; at + frame <= samples.length; at += frame) {
    const mean = samples.subarray(at, at + frame).reduce((sum, sample) => sum + sample * sample, 0) / frame;
    if (10 * Math.log10(mean / 32768 ** 2 + 1e-12) < quietest) continue;
    power += mean;
    frames += 1;
  }
  const gain = (32768 * 10 ** (speechLevel / 20)) / Math.sqrt(power / Math.max(1, frames));
  return samples.map((sample) => Math.max(-32768, Math.min(32767, Math.round(sample * gain))));
}

function addNoise(samples: Int16Array, dbov: number, seed: number): void {
  const random = seededRandom(seed);
  const peak = 32768 * 10 ** (dbov / 20) * Math.sqrt(3); // of a uniform distribution
  for (let at = 0; at < samples.length; at += 1) {
    samples[at] = (samples[at] as number) + Math.round((random() * 2 - 1) * peak);
  }
}

/** One after the other, behind the first seconds of the first piece, which nobody scores: programs warm up there. */
export function oneStream(pieces: readonly Sound[], leadSeconds: number): Int16Array {
  const [first] = pieces;
  if (first === undefined) return new Int16Array(0);
  const lead = { rate: first.rate, samples: first.samples.slice(0, leadSeconds * first.rate) };
  return join(lead, ...pieces).samples;
}
