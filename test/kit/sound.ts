/** Mono PCM: 16-bit samples at `rate` per second. */
export interface Sound {
  readonly rate: number;
  readonly samples: Int16Array;
}

export const silence = (rate: number, seconds: number): Sound => ({
  rate,
  samples: new Int16Array(Math.round(rate * seconds)),
});

export const seconds = (sound: Sound): number => sound.samples.length / sound.rate;

/** One after the other. All at the same rate. */
export function join(...parts: readonly [Sound, ...Sound[]]): Sound {
  const samples = new Int16Array(parts.reduce((sum, part) => sum + part.samples.length, 0));
  let at = 0;
  for (const part of parts) {
    samples.set(part.samples, at);
    at += part.samples.length;
  }
  return { rate: parts[0].rate, samples };
}

/** At the same time, limited to the 16-bit range. As long as the longest. */
export function mix(...parts: readonly [Sound, ...Sound[]]): Sound {
  const samples = new Int16Array(Math.max(...parts.map((part) => part.samples.length)));
  for (let i = 0; i < samples.length; i += 1) {
    const sum = parts.reduce((total, part) => total + (part.samples[i] ?? 0), 0);
    samples[i] = Math.max(-32768, Math.min(32767, sum));
  }
  return { rate: parts[0].rate, samples };
}

/** From `from` to `to` seconds; a negative number counts from the end. */
export function cut(sound: Sound, from: number, to = seconds(sound)): Sound {
  const index = (at: number) => Math.round((at < 0 ? seconds(sound) + at : at) * sound.rate);
  return { rate: sound.rate, samples: sound.samples.slice(index(from), index(to)) };
}

/** Again and again until it lasts `length` seconds. */
export function repeat(sound: Sound, length: number): Sound {
  const samples = new Int16Array(Math.round(length * sound.rate));
  for (let i = 0; i < samples.length; i += 1) samples[i] = sound.samples[i % sound.samples.length] ?? 0;
  return { rate: sound.rate, samples };
}
