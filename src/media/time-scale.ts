import { pitchLag } from './pitch.ts';

const WINDOW_MS = 10;
const SHORTEST_LAG_MS = 2.5;
const LONGEST_LAG_MS = 12.5;
/** Over so much the end of a sound is led into its repetition. */
const JOIN_MS = 7.5;

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
  const lag = lagBefore(pcm, window + longest, window, perMs);
  for (let at = 0; at < window; at++) {
    const weight = (at + 1) / (window + 1);
    pcm[at] = Math.round((pcm[at] as number) * (1 - weight) + (pcm[at + lag] as number) * weight);
  }
  pcm.copyWithin(window, window + lag, length);
  return length - lag;
}

/** By so much `lengthen` may miss what is asked for. */
export const LENGTHEN_PAST_MS = LONGEST_LAG_MS;

const repeated = new Int16Array((LONGEST_LAG_MS / 1000) * 48_000);

/**
 * Repeats the last pitch period of `pcm[0…length)` so often that there are `wanted` samples and more, in place: the sound goes on as it was,
 * and what follows joins it as it joined before. Answers the new length; `length` when that is less than 20 ms, or there is no room.
 */
export function lengthen(pcm: Int16Array, length: number, wanted: number, rate: number): number {
  const perMs = rate / 1000;
  const window = JOIN_MS * perMs;
  const longest = LONGEST_LAG_MS * perMs;
  if (length < window + longest) return length;
  const lag = lagBefore(pcm, length, window, perMs);
  const periods = Math.max(0, Math.ceil((wanted - length) / lag));
  const end = length + periods * lag;
  if (periods === 0 || end > pcm.length) return length;
  for (let at = 0; at < lag; at++) repeated[at] = pcm[length - lag + at] as number;
  // Before it is repeated, the end leads into the period's beginning; the last time it stays as it was.
  for (let at = length - window, n = 1; at < length; at++, n++) {
    const weight = n / (window + 1);
    pcm[at] = Math.round((pcm[at] as number) * (1 - weight) + (pcm[at - lag] as number) * weight);
  }
  for (let at = length; at < end - lag; at++) pcm[at] = pcm[at - lag] as number;
  for (let at = 0; at < lag; at++) pcm[end - lag + at] = repeated[at] as number;
  return end;
}

function lagBefore(pcm: Int16Array, end: number, window: number, perMs: number): number {
  const stride = Math.max(1, Math.floor(perMs / 8));
  return pitchLag(pcm, end, window, SHORTEST_LAG_MS * perMs, LONGEST_LAG_MS * perMs, stride);
}
