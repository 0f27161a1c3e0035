import { dominant, levelAt } from '../test/kit/analysis.ts';
import { cut, type Sound, seconds } from '../test/kit/sound.ts';

/** A tone that somebody says. */
export interface Said {
  readonly who: string;
  readonly hz: number;
  readonly dbfs: number;
}

/** A tone as it was heard. `pauseMs`: the longest time that it was away. */
export interface Heard extends Said {
  readonly pauseMs: number;
}

export interface Hearing {
  readonly heard: readonly Heard[];
  readonly missed: readonly Said[];
  /** What was not as it should be, in sentences. */
  readonly problems: readonly string[];
}

/** The gateway changes no levels; codecs and resamplers do a little. */
const levelToleranceDb = 6;
const hzTolerance = 8;
/** Pauses of a packet or three are what a busy machine does to any voice over IP; longer ones are the gateway's. */
const longestPauseMs = 100;
/** Nothing else may be as loud as this: an echo of the own voice, hum, crackle. */
const strangerDbfs = -40;

/** Looks for each of the tones in a recording during which all of them were said all the time. */
export function listen(listener: string, sound: Sound, said: readonly Said[]): Hearing {
  if (seconds(sound) < 0.5)
    return { heard: [], missed: said, problems: [`${listener} did not hear anything`] };
  const peaks = dominant(sound, 12, 60);
  const heard: Heard[] = [];
  const missed: Said[] = [];
  const problems: string[] = [];
  for (const { who, hz, dbfs } of said) {
    const peak = peaks.find((one) => Math.abs(one.hz - hz) < hzTolerance);
    if (peak === undefined) {
      missed.push({ who, hz, dbfs });
      problems.push(`${listener} did not hear ${who} (${hz} Hz)`);
      continue;
    }
    const pauseMs = longestPause(sound, peak);
    heard.push({ who, hz: peak.hz, dbfs: peak.dbfs, pauseMs });
    if (Math.abs(peak.dbfs - dbfs) > levelToleranceDb) {
      problems.push(`${listener} heard ${who} at ${peak.dbfs.toFixed(1)} dBFS, said was ${dbfs} dBFS`);
    }
    if (pauseMs > longestPauseMs) problems.push(`${listener} did not hear ${who} for ${pauseMs} ms`);
  }
  const strangers = peaks.filter(
    (peak) => peak.dbfs > strangerDbfs && !said.some(({ hz }) => Math.abs(peak.hz - hz) < 40),
  );
  for (const { hz, dbfs } of strangers) {
    problems.push(
      `${listener} heard ${Math.round(hz)} Hz at ${dbfs.toFixed(1)} dBFS, which nobody there said`,
    );
  }
  return { heard, missed, problems };
}

const windowMs = 40;
const stepMs = 10;

/** How long a tone is away at the longest: windows that have lost more than half of its level, one after the other. */
function longestPause(sound: Sound, tone: { readonly hz: number; readonly dbfs: number }): number {
  let longest = 0;
  let run = 0;
  for (let at = 0; at + windowMs <= seconds(sound) * 1000; at += stepMs) {
    const away = levelAt(cut(sound, at / 1000, (at + windowMs) / 1000), tone.hz) < tone.dbfs - 6;
    run = away ? run + stepMs : 0;
    longest = Math.max(longest, run);
  }
  return longest;
}
