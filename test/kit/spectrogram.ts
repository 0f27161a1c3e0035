import { spawnSync } from 'node:child_process';

/** Draws a WAV file's spectrogram, time to the right and frequency upwards to 4 kHz, as a PNG. */
export function spectrogram(wav: string, png: string): void {
  // Heights that are no power of two take ffmpeg minutes.
  const filter = 'aresample=8000,showspectrumpic=s=1024x512:legend=1:scale=log:drange=90';
  const args = [
    '-hide_banner',
    '-loglevel',
    'error',
    '-y',
    '-i',
    wav,
    '-lavfi',
    filter,
    '-frames:v',
    '1',
    png,
  ];
  const { status, stderr, error } = spawnSync('ffmpeg', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`no spectrogram of ${wav}: ${error?.message ?? stderr}`);
}
