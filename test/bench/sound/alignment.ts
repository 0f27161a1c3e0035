import { locate } from '../../kit/analysis.ts';
import type { Sound } from '../../kit/sound.ts';

const rate = 8000;
/** What is compared: the middle of a piece. */
const [fromSeconds, toSeconds] = [3, 7];
const [earliest, latest] = [0.05, 0.6];

/**
 * By how many milliseconds the piece comes later in `heard` than at second `expected`. Undefined when it is not within −50…600 ms of that,
 * or hardly to be recognised. Rates are multiples of 8 kHz.
 */
export function lagOf(piece: Sound, heard: Sound, expected: number): number | undefined {
  const start = Math.round((expected + fromSeconds - earliest) * rate) / rate;
  const around = thinned(heard, start, toSeconds - fromSeconds + earliest + latest);
  const found = locate(around, thinned(piece, fromSeconds, toSeconds - fromSeconds));
  return found && (start + found.at - fromSeconds - expected) * 1000;
}

/** `length` seconds from second `start` on, at 8 kHz; no filter is needed to find a voice. */
function thinned(sound: Sound, start: number, length: number): Sound {
  const step = sound.rate / rate;
  const first = Math.round(start * rate);
  const samples = Int16Array.from(
    { length: Math.round(length * rate) },
    (_, at) => sound.samples[(first + at) * step] ?? 0,
  );
  return { rate, samples };
}
