import type { Digit } from '../dtmf-event.ts';
import { DtmfReceiver } from '../dtmf-receiver.ts';
import type { RtpHeader } from '../rtp.ts';

/** Sources that may press keys at one time. */
const maximumSources = 64;
/** The bridge's telephone-event has this clock, whatever the audio's (jitsi: `telephone-event/8000`). */
const clockRate = 8000;

/** Keys that are pressed in the room: one receiver for each source that ever pressed one. */
export class RoomDigits {
  readonly #receivers = new Map<number, DtmfReceiver>();
  readonly #onDigit: (digit: Digit) => void;

  constructor(onDigit: (digit: Digit) => void) {
    this.#onDigit = onDigit;
  }

  /** Takes a telephone-event of a source that was signalled. False when it is malformed. */
  receive(header: RtpHeader, packet: Buffer, now: number): boolean {
    let receiver = this.#receivers.get(header.ssrc);
    if (receiver === undefined) {
      const oldest = this.#receivers.size >= maximumSources ? this.#receivers.keys().next().value : undefined;
      if (oldest !== undefined) this.#receivers.delete(oldest);
      receiver = new DtmfReceiver({ clockRate, onDigit: this.#onDigit });
      this.#receivers.set(header.ssrc, receiver);
    }
    return receiver.receive(header, packet, now) >= 0;
  }

  tick(now: number): void {
    for (const receiver of this.#receivers.values()) receiver.tick(now);
  }
}
