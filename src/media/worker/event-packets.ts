import { writeTelephoneEvent } from '../dtmf-event.ts';
import type { DtmfStep } from '../dtmf-sender.ts';
import { timestampAdd } from '../sequence.ts';
import type { RtpStream } from './rtp-stream.ts';

/** Level of the tone, −dBm0: the value that is usual. */
const volume = 10;

/** Puts the steps of a `DtmfSender` into the packets of a stream, in place of its audio. */
export class EventPackets {
  readonly #payloadType: number;
  #pressedAt = 0;

  constructor(payloadType: number) {
    this.#payloadType = payloadType;
  }

  /** `ticks` is 20 ms of the stream's clock. `transmit` may change `packet` behind `length`. */
  send(
    step: DtmfStep,
    stream: RtpStream,
    ticks: number,
    packet: Buffer,
    transmit: (packet: Buffer, length: number) => void,
  ): void {
    if (step.event === undefined) {
      stream.skip(ticks);
      return;
    }
    if (step.isFirst) this.#pressedAt = stream.timestamp;
    const timestamp = timestampAdd(this.#pressedAt, Math.round((step.offsetMs * ticks) / 20));
    const start = stream.beginEvent(packet, this.#payloadType, timestamp, step.isFirst);
    const bytes = writeTelephoneEvent(packet, start, { ...step.event, volume });
    transmit(packet, start + bytes);
    stream.sent(bytes, ticks);
  }
}
