import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Sound } from '../test/kit/sound.ts';
import { spectrogram } from '../test/kit/spectrogram.ts';
import { writeWav } from '../test/kit/wav.ts';
import type { Take } from './demo-calls.ts';

const folder = fileURLToPath(new URL('../demo-output', import.meta.url));
const calls = ['dial-in', 'dial-out'] as const;
const ends = ['the-phone', 'the-room'] as const;
const nameOf = (call: string, end: string): string => join(folder, `${call}-what-${end}-heard`);

/** Removes what an earlier demonstration left, so that nothing old is taken for new. */
export function clearOutput(): void {
  mkdirSync(folder, { recursive: true });
  const names = calls.flatMap((call) => ends.map((end) => nameOf(call, end)));
  const files = [...names.flatMap((name) => [`${name}.wav`, `${name}.png`]), gatewayLog];
  for (const file of files) rmSync(file, { force: true });
}

const gatewayLog = join(folder, 'gateway.log');

export function saveLog(text: string): void {
  writeFileSync(gatewayLog, `${text}\n`);
}

/** A WAV and a spectrogram of each end. */
export function saveTake(call: (typeof calls)[number], take: Take): void {
  save(nameOf(call, 'the-phone'), take.phone);
  save(nameOf(call, 'the-room'), take.room);
}

function save(name: string, sound: Sound): void {
  writeWav(`${name}.wav`, sound);
  if (sound.samples.length > 0) spectrogram(sound, `${name}.png`);
}

export const outputName = basename(folder);
