import type { RtpHeader } from './rtp-watch.ts';
import { wireNow } from './wire-clock.ts';

/** An RTP packet as it passed the relay. */
export interface TracedPacket extends RtpHeader {
  /** Milliseconds on the machine's clock (`wireNow`). */
  readonly at: number;
  readonly towards: 'room' | 'gateway';
}

const most = 100_000;

/** Every packet with its time, for measurements; off until asked for. */
export class RtpTrace {
  #packets: TracedPacket[] = [];

  add(towards: 'room' | 'gateway', header: RtpHeader): void {
    if (this.#packets.length < most) this.#packets.push({ ...header, towards, at: wireNow() });
  }

  /** What came since the last call. */
  take(): TracedPacket[] {
    return this.#packets.splice(0);
  }
}
