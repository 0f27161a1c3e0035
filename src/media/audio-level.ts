/** Level of true silence. A videobridge drops packets that carry it, so nothing else may get it. */
export const SILENCE_LEVEL = 127;

/** Full scale of RFC 6464: the level of a square wave that just does not overload. */
const OVERLOAD = 32768;

/** The level of a frame as RFC 6464 §3 wants it: 0 (overload) to 126 in −dBov, and 127 for digital silence only. */
export function audioLevel(frame: Int16Array): number {
  let energy = 0;
  for (let at = 0; at < frame.length; at++) {
    const sample = frame[at] as number;
    energy += sample * sample;
  }
  if (energy === 0) return SILENCE_LEVEL;
  const level = Math.round(-10 * Math.log10(energy / frame.length / (OVERLOAD * OVERLOAD)));
  return Math.min(Math.max(level, 0), SILENCE_LEVEL - 1);
}

const MARGIN_DB = 9;
const NEVER_VOICE = 65;
const HANGOVER_FRAMES = 15;

/**
 * Tells voice from background by level: voice is what stands 9 dB above the noise floor, which follows quiet quickly and noise
 * slowly. Answers the voice flag of RFC 6464.
 */
export class VoiceActivity {
  /** Noise floor in −dBov. */
  #floor = 60;
  #hangover = 0;

  /** `level` of the next 20 ms frame. */
  isVoice(level: number): boolean {
    if (level > this.#floor) this.#floor += Math.min(level - this.#floor, 3);
    else this.#floor -= Math.min(this.#floor - level, 0.05);
    if (level < NEVER_VOICE && this.#floor - level >= MARGIN_DB) this.#hangover = HANGOVER_FRAMES;
    else if (this.#hangover > 0) this.#hangover -= 1;
    return this.#hangover > 0;
  }
}
