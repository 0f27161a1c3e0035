import { type Digit, dtmfDigits, newTelephoneEvent, readTelephoneEvent } from './dtmf-event.ts';
import type { RtpHeader } from './rtp.ts';
import { sequenceDelta, timestampDelta } from './sequence.ts';

export interface DtmfReceiverOptions {
  /** Ticks in a second of the telephone-event's clock: 8000, 16000 or 48000. */
  readonly clockRate: number;
  /** Called once for each press, when it is over. */
  readonly onDigit: (digit: Digit) => void;
}

/** A press: all packets with one timestamp; a very long one goes on under further timestamps. */
interface Press {
  readonly ssrc: number;
  readonly code: number;
  timestamp: number;
  sequence: number;
  /** Ticks of the segments before this timestamp (RFC 4733 §2.5.1.3). */
  before: number;
  duration: number;
  heardAt: number;
  isOver: boolean;
}

/** Senders repeat themselves every 50 ms at least (RFC 4733 §2.5.1.2): a press that says nothing for so long has lost its end. */
const lostEndMs = 200;
/** A segment of a long press is as long as 16 bits can say; some senders stop a packet earlier. */
const shortestSegment = 60_000;
const longestSegment = 65_600;
/** A packet that is older than the last press by less than this came late; by more, the sender has begun a new numbering. */
const lateSeconds = 10;
/** Nobody presses faster than this for longer than a moment; more would only keep the rest of the program busy. */
const burst = 20;
const msPerDigit = 50;

/**
 * Digits of one RTP stream (RFC 4733). A press is known by its timestamp, not by marker or end bit: so a lost start, a missing
 * marker, repeated ends and late packets make no difference, and the same digit twice is two presses.
 */
export class DtmfReceiver {
  /** Presses dropped because there were too many. */
  refused = 0;
  readonly #options: DtmfReceiverOptions;
  readonly #event = newTelephoneEvent();
  #press: Press | undefined;
  #credit = burst;
  #creditAt = 0;

  constructor(options: DtmfReceiverOptions) {
    this.#options = options;
  }

  /** A key is down now. */
  get isPressed(): boolean {
    return this.#press?.isOver === false;
  }

  /** Takes a telephone-event packet. Answers the ticks since its timestamp, −1 when it is malformed. Other events than digits are ignored. */
  receive(header: RtpHeader, packet: Buffer, nowMs: number): number {
    const event = this.#event;
    if (!readTelephoneEvent(packet, header.payloadStart, header.payloadEnd, event)) return -1;
    if (event.code >= dtmfDigits.length) return event.duration;
    const press = this.#pressOf(header, nowMs);
    if (press === undefined) return event.duration;
    press.heardAt = nowMs;
    press.duration = Math.max(press.duration, event.duration);
    if (sequenceDelta(header.sequence, press.sequence) > 0) press.sequence = header.sequence;
    if (event.end) this.#finish(press, nowMs);
    return event.duration;
  }

  /** Notices presses whose end was lost; every 20 ms. */
  tick(nowMs: number): void {
    const press = this.#press;
    if (press && !press.isOver && nowMs - press.heardAt >= lostEndMs) this.#finish(press, nowMs);
  }

  /** The press that the packet belongs to; undefined: it belongs to one that is over. */
  #pressOf(header: RtpHeader, nowMs: number): Press | undefined {
    const last = this.#press;
    if (last === undefined || header.ssrc !== last.ssrc) return this.#begin(header, nowMs);
    const ahead = timestampDelta(header.timestamp, last.timestamp);
    if (ahead === 0 && !this.#isAnotherPress(last, header)) return last.isOver ? undefined : last;
    if (ahead < 0 && ahead > -lateSeconds * this.#options.clockRate) return undefined;
    if (this.#continues(last, header, ahead)) {
      last.before += ahead;
      last.duration = 0;
      last.timestamp = header.timestamp;
      return last;
    }
    return this.#begin(header, nowMs);
  }

  /** Some senders leave the timestamp as it was while they send no audio: then the marker, or another key, tells. */
  #isAnotherPress(last: Press, header: RtpHeader): boolean {
    if (!last.isOver || sequenceDelta(header.sequence, last.sequence) <= 0) return false;
    const { code, end } = this.#event;
    return code !== last.code || (header.marker && !end);
  }

  #continues(last: Press, header: RtpHeader, ahead: number): boolean {
    const isNext = ahead >= shortestSegment && ahead <= longestSegment;
    return isNext && !last.isOver && !header.marker && this.#event.code === last.code;
  }

  #begin(header: RtpHeader, nowMs: number): Press {
    const last = this.#press;
    if (last && !last.isOver) this.#finish(last, nowMs);
    const { ssrc, timestamp, sequence } = header;
    const { code } = this.#event;
    const press = { ssrc, code, timestamp, sequence, before: 0, duration: 0, heardAt: nowMs, isOver: false };
    this.#press = press;
    return press;
  }

  #finish(press: Press, nowMs: number): void {
    press.isOver = true;
    this.#credit = Math.min(burst, this.#credit + Math.max(0, nowMs - this.#creditAt) / msPerDigit);
    this.#creditAt = nowMs;
    if (this.#credit < 1) {
      this.refused += 1;
      return;
    }
    this.#credit -= 1;
    const durationMs = Math.round(((press.before + press.duration) * 1000) / this.#options.clockRate);
    this.#options.onDigit({ digit: dtmfDigits[press.code] as string, durationMs });
  }
}
