import { pitchLag } from './pitch.ts';

const WINDOW_MS = 10;
const SHORTEST_LAG_MS = 2.5;
const LONGEST_LAG_MS = 12.5;

/** Audio that `shorten` needs to work on. */
export const SHORTEN_NEEDS_MS = WINDOW_MS + LONGEST_LAG_MS;

/**
 * Takes one pitch period out of `pcm[0…length)`, in place, so that nobody hears it: finds the distance at which the sound repeats and blends
 * over. Answers the new length, 2.5 to 12.5 ms shorter; or `length` when there are less than 22.5 ms.
 */
export function shorten(pcm: Int16Array, length: number, rate: number): number {
  const perMs = rate / 1000;
  const window = WINDOW_MS * perMs;
  const longest = LONGEST_LAG_MS * perMs;
  if (length < window + longest) return length;
  // Compares the window that begins `lag` later with the first one: the lag reaches back from its end.
  const lag = bestForwardLag(
    pcm,
    window,
    SHORTEST_LAG_MS * perMs,
    longest,
    Math.max(1, Math.floor(perMs / 8)),
  );
  for (let at = 0; at < window; at++) {
    const weight = (at + 1) / (window + 1);
    pcm[at] = Math.round((pcm[at] as number) * (1 - weight) + (pcm[at + lag] as number) * weight);
  }
  pcm.copyWithin(window, window + lag, length);
  return length - lag;
}

function bestForwardLag(
  pcm: Int16Array,
  window: number,
  shortest: number,
  longest: number,
  stride: number,
): number {
  return pitchLag(pcm, window + longest, window, shortest, longest, stride);
}
