import { writeFileSync } from 'node:fs';
import { fft } from './fft.ts';
import { encodePng } from './png.ts';
import { type Sound, seconds } from './sound.ts';

const window = 512;
const rows = 256;
const margin = 20;
const quietest = -90;

/**
 * Draws a sound as a PNG: time to the right (a mark each second), frequency upwards to 4 kHz (a mark each kHz), −90 dBFS black,
 * 0 dBFS white. Our own: ffmpeg 5.1's showspectrumpic draws black pictures or takes minutes.
 */
export function spectrogram(sound: Sound, png: string): void {
  const columns = Math.max(2, Math.min(1200, Math.floor(seconds(sound) * 100)));
  const width = margin + columns;
  const height = rows + margin;
  const pixels = new Uint8Array(width * height * 3);
  for (let x = 0; x < columns; x += 1) {
    const bins = spectrum(sound, Math.floor((x / columns) * sound.samples.length));
    for (let y = 0; y < rows; y += 1) {
      const bin = (y / rows) * ((4000 * window) / sound.rate);
      pixels.set(colour(bins[Math.round(bin)] ?? quietest), ((rows - 1 - y) * width + margin + x) * 3);
    }
  }
  const draw = (x: number, y: number) => pixels.fill(255, (y * width + x) * 3, (y * width + x) * 3 + 3);
  for (let khz = 1; khz < 4; khz += 1) {
    const y = rows - (khz * rows) / 4;
    for (let x = margin - 4; x < margin; x += 1) draw(x, y);
    digits(String(khz), 4, y - 2, draw);
  }
  const step = Math.ceil(seconds(sound) / 30);
  for (let s = 0; s < seconds(sound); s += step) {
    const x = margin + Math.floor((s / seconds(sound)) * columns);
    for (let y = rows; y < rows + 4; y += 1) draw(x, y);
    if (x + 8 < width) digits(String(s), x + 2, rows + 7, draw);
  }
  writeFileSync(png, encodePng(width, height, pixels));
}

/** Levels in dBFS of the bins of one window that begins at a sample. */
function spectrum({ samples }: Sound, start: number): Float64Array {
  const re = new Float64Array(window);
  const im = new Float64Array(window);
  for (let i = 0; i < window; i += 1) {
    re[i] = (samples[start + i] ?? 0) * (0.5 - 0.5 * Math.cos((2 * Math.PI * i) / window));
  }
  fft(re, im);
  return re.map(
    (value, i) => 20 * Math.log10((Math.hypot(value, im[i] as number) * 4) / window / 32767 + 1e-9),
  );
}

/** Black, violet, red, yellow, white. */
function colour(dbfs: number): [number, number, number] {
  const t = Math.max(0, Math.min(1, 1 - dbfs / quietest));
  const ramp = (from: number, to: number) =>
    Math.round(255 * Math.max(0, Math.min(1, (t - from) / (to - from))));
  return [ramp(0.15, 0.6), ramp(0.5, 0.9), Math.max(ramp(0, 0.3) - ramp(0.35, 0.6), ramp(0.85, 1))];
}

/** 3 × 5 pixels each, a row in three bits. */
const font = ['75557', '26227', '71747', '71717', '55711', '74717', '74757', '71122', '75757', '75717'];

function digits(text: string, left: number, top: number, draw: (x: number, y: number) => void): void {
  [...text].forEach((digit, place) => {
    [...(font[Number(digit)] as string)].forEach((bits, y) => {
      for (let x = 0; x < 3; x += 1) if (Number(bits) & (4 >> x)) draw(left + place * 4 + x, top + y);
    });
  });
}
