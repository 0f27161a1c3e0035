/** Makes the music for phones that hold: `node scripts/make-hold-music.ts FILE.wav` (48 kHz, mono). scripts/make-sounds.sh codes it. */
import { argv } from 'node:process';
import { writeWav } from '../test/kit/wav.ts';

const rate = 48_000;
const beatSeconds = 0.4;
const beatsInBar = 8;
/** Broken chords of the guitar kind, as numbers of MIDI; the last bar is one chord that dies away, so that the loop has no seam. */
const bars: readonly (readonly number[])[] = [
  [48, 55, 60, 64, 67, 64, 60, 55],
  [45, 52, 57, 60, 64, 60, 57, 52],
  [41, 48, 53, 57, 60, 57, 53, 48],
  [43, 50, 55, 59, 62, 59, 55, 50],
  [48, 55, 60, 64, 72, 67, 64, 60],
  [40, 47, 52, 55, 59, 64, 59, 55],
  [41, 48, 53, 57, 65, 60, 57, 53],
  [43, 50, 53, 59, 62, 65, 62, 59],
];
const lastChord = [48, 55, 60, 64, 67];
const lastSeconds = 4;
/** Telephones carry nothing below 300 Hz: the harmonics have to tell what the note is. */
const harmonics = [1, 0.6, 0.35, 0.2, 0.12, 0.06];
const ringSeconds = 1.6;
const attackSeconds = 0.008;
/** −20 dBFS of loudness is what speech has here; peaks stay far below the limiter. */
const peak = 9000;

function pluck(sum: Float64Array, note: number, at: number, strength: number): void {
  const hertz = 440 * 2 ** ((note - 69) / 12);
  const begin = Math.round(at * rate);
  const count = Math.min(Math.round(3 * ringSeconds * rate), sum.length - begin);
  for (let index = 0; index < count; index += 1) {
    const t = index / rate;
    const attack = Math.min(1, t / attackSeconds);
    let sample = 0;
    for (const [number, level] of harmonics.entries()) {
      const order = number + 1;
      const ring = Math.exp((-t * (1 + 0.6 * number)) / (ringSeconds / 2));
      sample += level * ring * Math.sin(2 * Math.PI * hertz * order * t);
    }
    sum[begin + index] = (sum[begin + index] as number) + strength * attack * sample;
  }
}

function compose(): Int16Array {
  const barSeconds = beatSeconds * beatsInBar;
  const seconds = bars.length * barSeconds + lastSeconds;
  const sum = new Float64Array(Math.round(seconds * rate));
  for (const [bar, notes] of bars.entries())
    for (const [beat, note] of notes.entries())
      pluck(sum, note, bar * barSeconds + beat * beatSeconds, beat % 4 === 0 ? 1 : 0.7);
  for (const [index, note] of lastChord.entries())
    pluck(sum, note, bars.length * barSeconds + index * 0.06, 0.8);
  const loudest = sum.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  const fade = 0.5 * rate;
  return Int16Array.from(sum, (sample, at) =>
    Math.round((sample / loudest) * peak * Math.min(1, (sum.length - 1 - at) / fade)),
  );
}

const [, , file] = argv;
if (file === undefined) throw new Error('where to?');
writeWav(file, { rate, samples: compose() });
