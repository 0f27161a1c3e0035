import { sequenceAdd, sequenceDelta } from './sequence.ts';

const remembered = 64;
/** No audio is late by more packets than this. */
const latest = 1000;

/**
 * Numbers of packets that are no audio (telephone-events, comfort noise) in a stream of audio. Without them the audio's numbers
 * are contiguous, so that a pause for such packets is a jump in time and not a loss.
 */
export class SequenceGaps {
  readonly #recent: number[] = [];
  /** Those that are not remembered one by one any more. */
  #older = 0;

  /** Notes the number of a packet that is no audio. */
  note(sequence: number): void {
    if (this.#recent.includes(sequence)) return;
    this.#recent.push(sequence);
    if (this.#recent.length <= remembered) return;
    this.#recent.shift();
    this.#older += 1;
  }

  /** The number of an audio packet, counted without the others before it. */
  without(sequence: number): number {
    while (this.#recent.length > 0 && sequenceDelta(sequence, this.#recent[0] as number) > latest) {
      this.#recent.shift();
      this.#older += 1;
    }
    let before = this.#older;
    for (const gap of this.#recent) if (sequenceDelta(sequence, gap) > 0) before += 1;
    return sequenceAdd(sequence, -before);
  }

  reset(): void {
    this.#recent.length = 0;
    this.#older = 0;
  }
}
