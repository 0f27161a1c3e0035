import { fft, inverseFft } from './fft.ts';
import type { Sound } from './sound.ts';

/** A frequency in a sound. `dbfs`: 0 is a sine that just fills 16 bits. */
export interface Peak {
  readonly hz: number;
  readonly dbfs: number;
}

/** A place where a steady sound is broken, in seconds. */
export interface Gap {
  readonly from: number;
  readonly to: number;
  readonly kind: 'silence' | 'discontinuity';
}

const db = (ratio: number): number => (ratio > 0 ? 20 * Math.log10(ratio) : -120);

/** Level of the whole sound as that of a sine of the same power: a full-scale sine has 0 dBFS, silence −120. */
export function level({ samples }: Sound): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return Math.max(-120, db(Math.sqrt((2 * sum) / Math.max(1, samples.length)) / 32767));
}

/** Levels of consecutive frames of `ms` milliseconds (20), dBFS. */
export function levels(sound: Sound, ms = 20): number[] {
  const size = Math.round((sound.rate * ms) / 1000);
  const frames = Math.floor(sound.samples.length / size);
  return Array.from({ length: frames }, (_, i) =>
    level({ rate: sound.rate, samples: sound.samples.subarray(i * size, (i + 1) * size) }),
  );
}

/** Level of one frequency (Goertzel with a Hann window), dBFS. Use at least 100 ms. */
export function levelAt({ rate, samples }: Sound, hz: number): number {
  const w = (2 * Math.PI * hz) / rate;
  let re = 0;
  let im = 0;
  let weight = 0;
  for (let i = 0; i < samples.length; i += 1) {
    const hann = 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / samples.length);
    const sample = (samples[i] as number) * hann;
    re += sample * Math.cos(w * i);
    im -= sample * Math.sin(w * i);
    weight += hann;
  }
  return Math.max(-120, db((2 * Math.hypot(re, im)) / Math.max(1, weight) / 32767));
}

/**
 * The strongest frequencies, loudest first: local maxima of the averaged spectrum that are at most `range` dB (30) below the
 * strongest and above −60 dBFS. Windows of about 0.1 s: 12 Hz apart are told apart to 40 Hz; `hz` is exact to about 1 Hz.
 */
export function dominant(sound: Sound, count = 5, range = 30): Peak[] {
  const size = 2 ** Math.round(Math.log2(sound.rate * 0.128));
  const spectrum = averageSpectrum(sound, size);
  const found: Peak[] = [];
  for (let bin = 2; bin < size / 2 - 2; bin += 1) {
    const [left, here, right] = [spectrum[bin - 1], spectrum[bin], spectrum[bin + 1]] as [
      number,
      number,
      number,
    ];
    if (here < left || here <= right) continue;
    const [a, b, c] = [db(left), db(here), db(right)];
    const shift = (a - c) / (2 * (a - 2 * b + c) || 1);
    found.push({ hz: ((bin + shift) * sound.rate) / size, dbfs: b - ((a - c) * shift) / 4 });
  }
  found.sort((a, b) => b.dbfs - a.dbfs);
  const floor = Math.max(-60, (found[0]?.dbfs ?? 0) - range);
  return found.filter((peak) => peak.dbfs >= floor).slice(0, count);
}

/** Amplitude per bin relative to full scale, averaged in power over half-overlapping Hann windows. */
function averageSpectrum({ rate, samples }: Sound, size: number): Float64Array {
  if (samples.length < size) throw new Error(`too short to analyse: ${samples.length / rate} s`);
  const power = new Float64Array(size / 2);
  let windows = 0;
  for (let start = 0; start + size <= samples.length; start += size / 2) {
    const re = new Float64Array(size);
    const im = new Float64Array(size);
    for (let i = 0; i < size; i += 1) {
      re[i] = (samples[start + i] as number) * (0.5 - 0.5 * Math.cos((2 * Math.PI * i) / size));
    }
    fft(re, im);
    for (let bin = 0; bin < size / 2; bin += 1) {
      power[bin] = (power[bin] as number) + (re[bin] as number) ** 2 + (im[bin] as number) ** 2;
    }
    windows += 1;
  }
  return power.map((sum) => (Math.sqrt(sum / windows) * 4) / size / 32767);
}

/**
 * Breaks in a steady tone of `hz`. Silence: 5 ms pieces 20 dB below the median level, joined. Discontinuity: a jump in the
 * tone's phase of more than 0.6 rad between 20 ms pieces (samples lost, repeated or invented). A slow drift of
 * the sampling clock is no gap.
 */
export function gaps(sound: Sound, hz: number): Gap[] {
  const silent = silentRuns(sound);
  const jumps = phaseJumps(sound, hz).filter(
    (at) => !silent.some((gap) => at > gap.from - 0.025 && at < gap.to + 0.025),
  );
  const steps: Gap[] = [];
  for (const at of jumps) {
    const last = steps.at(-1);
    if (last && at - last.to < 0.03) steps[steps.length - 1] = { ...last, to: at };
    else steps.push({ from: at, to: at, kind: 'discontinuity' });
  }
  return [...silent, ...steps].sort((a, b) => a.from - b.from);
}

function silentRuns(sound: Sound): Gap[] {
  const pieces = levels(sound, 5);
  const median = [...pieces].sort((a, b) => a - b)[pieces.length >> 1] ?? -120;
  const runs: { from: number; to: number; kind: 'silence' }[] = [];
  pieces.forEach((value, i) => {
    if (value > Math.max(median - 20, -100)) return;
    const last = runs.at(-1);
    if (last && Math.abs(last.to - i * 0.005) < 1e-6) last.to = (i + 1) * 0.005;
    else runs.push({ from: i * 0.005, to: (i + 1) * 0.005, kind: 'silence' });
  });
  return runs;
}

/** Times of phase jumps, in seconds. */
function phaseJumps({ rate, samples }: Sound, hz: number): number[] {
  const size = Math.round(rate * 0.02);
  const step = size / 2;
  const phases: number[] = [];
  for (let start = 0; start + size <= samples.length; start += step)
    phases.push(phaseAt(samples, start, size, hz / rate));
  const jumps: number[] = [];
  for (let i = 2; i < phases.length; i += 1) {
    // Windows that do not overlap: a jump between them shows in full.
    const change = wrap((phases[i] as number) - (phases[i - 2] as number));
    if (Math.abs(change) > 0.6) jumps.push((i * step) / rate);
  }
  return jumps;
}

/** Phase of a windowed piece against a running reference oscillator. */
function phaseAt(samples: Int16Array, start: number, size: number, frequency: number): number {
  let re = 0;
  let im = 0;
  for (let i = 0; i < size; i += 1) {
    const hann = 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / size);
    const angle = 2 * Math.PI * frequency * (start + i);
    re += (samples[start + i] as number) * hann * Math.cos(angle);
    im -= (samples[start + i] as number) * hann * Math.sin(angle);
  }
  return Math.atan2(im, re);
}

const wrap = (angle: number): number => angle - 2 * Math.PI * Math.round(angle / (2 * Math.PI));

/**
 * Seconds from the start of `heard` to the place where `mark` begins in it (cross-correlation, both at one rate), and how
 * alike they are there (1: the same but for level). Undefined when it is not there (likeness below 0.3).
 */
export function locate(heard: Sound, mark: Sound): { at: number; likeness: number } | undefined {
  if (heard.rate !== mark.rate) throw new Error('locate needs both sounds at one rate');
  const correlation = crossCorrelate(heard.samples, mark.samples);
  const markEnergy = energy(mark.samples, 0, mark.samples.length);
  let window = energy(heard.samples, 0, mark.samples.length);
  let best = { at: 0, likeness: 0 };
  const last = heard.samples.length - mark.samples.length;
  for (let i = 0; i <= last; i += 1) {
    // Pieces 40 dB below the mark have no say: their likeness is noise.
    const likeness =
      window > markEnergy * 1e-4 ? (correlation[i] as number) / Math.sqrt(window * markEnergy) : 0;
    if (Math.abs(likeness) > best.likeness) best = { at: i / heard.rate, likeness: Math.abs(likeness) };
    window += (heard.samples[i + mark.samples.length] ?? 0) ** 2 - (heard.samples[i] as number) ** 2;
  }
  return best.likeness < 0.3 ? undefined : best;
}

function energy(samples: Int16Array, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i += 1) sum += (samples[i] ?? 0) ** 2;
  return sum;
}

function crossCorrelate(a: Int16Array, b: Int16Array): Float64Array {
  const size = 2 ** Math.ceil(Math.log2(a.length + b.length));
  const [reA, imA, reB, imB] = [1, 2, 3, 4].map(() => new Float64Array(size)) as [
    Float64Array<ArrayBuffer>,
    Float64Array<ArrayBuffer>,
    Float64Array<ArrayBuffer>,
    Float64Array<ArrayBuffer>,
  ];
  reA.set(a);
  reB.set(b);
  fft(reA, imA);
  fft(reB, imB);
  for (let i = 0; i < size; i += 1) {
    const [ar, ai, br, bi] = [reA[i], imA[i], reB[i], imB[i]] as [number, number, number, number];
    reA[i] = ar * br + ai * bi;
    imA[i] = ai * br - ar * bi;
  }
  inverseFft(reA, imA);
  return reA;
}
