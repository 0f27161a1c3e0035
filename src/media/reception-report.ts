import { compactNtp, type NtpTime } from './ntp-time.ts';
import type { ReportBlock } from './rtcp.ts';
import { sequenceDelta, timestampDelta } from './sequence.ts';

/** RFC 3550 A.1: a jump further than this is a restart, once a second packet agrees. */
const MAX_DROPOUT = 3000;
const MAX_MISORDER = 100;

/** What the receiver of one source counts (RFC 3550 A.1, A.3, A.8). */
export class ReceptionReport {
  packetsReceived = 0;
  /** Packets came since the last `report`; for who makes the reports. */
  isHeard = false;
  readonly ssrc: number;
  readonly #clockRate: number;
  #started = false;
  #first = 0;
  #highest = 0;
  #cycles = 0;
  /** Packets counted before the last restart of the numbering. */
  #expectedBefore = 0;
  #badNext = -1;
  #jitter = 0;
  #lastTimestamp = 0;
  #lastArrivalMs = 0;
  #expectedPrior = 0;
  #receivedPrior = 0;
  #senderReport = 0;
  #senderReportMs = 0;

  constructor(ssrc: number, clockRate: number) {
    this.ssrc = ssrc;
    this.#clockRate = clockRate;
  }

  /**
   * Notes a packet that was accepted. `unread`: so many came before it and were not authenticated, because nobody needed them; they count as
   * far as they fit between this packet and the one before, and say nothing about times.
   */
  received(sequence: number, timestamp: number, arrivalMs: number, unread = 0): void {
    const missing = this.#started ? sequenceDelta(sequence, this.#highest) - 1 : 0;
    if (missing > 0 && missing < MAX_DROPOUT) this.packetsReceived += Math.min(missing, unread);
    this.packetsReceived += 1;
    if (!this.#started) {
      this.#started = true;
      this.#begin(sequence, timestamp, arrivalMs);
    } else if (this.#advance(sequence)) {
      this.#noteJitter(timestamp, arrivalMs);
    } else {
      this.#lastTimestamp = timestamp;
      this.#lastArrivalMs = arrivalMs;
    }
  }

  /** Notes a sender report of this source, for LSR and DLSR. */
  senderReported(ntp: NtpTime, arrivalMs: number): void {
    this.#senderReport = compactNtp(ntp);
    this.#senderReportMs = arrivalMs;
  }

  /** Packets that should have come by the sequence numbers. */
  get packetsExpected(): number {
    if (!this.#started) return 0;
    return this.#expectedBefore + this.#extendedHighest - this.#first + 1;
  }

  /** Negative when duplicates came. */
  get packetsLost(): number {
    return this.packetsExpected - this.packetsReceived;
  }

  get jitterMs(): number {
    return (this.#jitter * 1000) / this.#clockRate;
  }

  /** The block for the next report; the fraction lost counts from the last one. */
  report(nowMs: number): ReportBlock {
    const expected = this.packetsExpected;
    const expectedNow = expected - this.#expectedPrior;
    const lostNow = expectedNow - (this.packetsReceived - this.#receivedPrior);
    this.isHeard = false;
    this.#expectedPrior = expected;
    this.#receivedPrior = this.packetsReceived;
    // A tick that runs late counts by the time it was due; what arrived meanwhile is younger.
    const delayMs = this.#senderReport === 0 ? 0 : Math.max(0, nowMs - this.#senderReportMs);
    return {
      ssrc: this.ssrc,
      fractionLost:
        expectedNow <= 0 || lostNow <= 0 ? 0 : Math.min(255, Math.floor((lostNow * 256) / expectedNow)),
      cumulativeLost: this.packetsLost,
      highestSequence: this.#extendedHighest >>> 0,
      jitter: Math.floor(this.#jitter),
      lastSenderReport: this.#senderReport,
      delaySinceLast: Math.min(Math.round(delayMs * 65.536), 0xffffffff),
    };
  }

  get #extendedHighest(): number {
    return this.#cycles * 65536 + this.#highest;
  }

  #begin(sequence: number, timestamp: number, arrivalMs: number): void {
    this.#first = sequence;
    this.#highest = sequence;
    this.#cycles = 0;
    this.#badNext = -1;
    this.#lastTimestamp = timestamp;
    this.#lastArrivalMs = arrivalMs;
  }

  /** False when the numbering began anew, or this packet may be the first of that. */
  #advance(sequence: number): boolean {
    const ahead = sequenceDelta(sequence, this.#highest);
    if (ahead >= -MAX_MISORDER && ahead < MAX_DROPOUT) {
      this.#badNext = -1;
      if (ahead <= 0) return true; // late, or twice
      if (sequence < this.#highest) this.#cycles += 1;
      this.#highest = sequence;
      return true;
    }
    if (sequence === this.#badNext) this.#restart(sequence);
    else this.#badNext = (sequence + 1) & 0xffff;
    return false;
  }

  /** The first packet of the new numbering came before this one and is counted already. */
  #restart(sequence: number): void {
    this.#expectedBefore = this.packetsExpected + 1;
    this.#first = sequence;
    this.#highest = sequence;
    this.#cycles = 0;
    this.#badNext = -1;
  }

  /** A.8, with a jump over silence left out: there neither clock says anything about the network. */
  #noteJitter(timestamp: number, arrivalMs: number): void {
    const arrived = ((arrivalMs - this.#lastArrivalMs) * this.#clockRate) / 1000;
    const difference = Math.abs(arrived - timestampDelta(timestamp, this.#lastTimestamp));
    this.#lastTimestamp = timestamp;
    this.#lastArrivalMs = arrivalMs;
    if (difference < this.#clockRate) this.#jitter += (difference - this.#jitter) / 16;
  }
}

/**
 * Round-trip time in ms from a report about our own stream (RFC 3550 §6.4.1); undefined when the peer had no sender report of ours, or
 * the clocks make no sense.
 */
export function roundTripMs(block: ReportBlock, now: NtpTime): number | undefined {
  if (block.lastSenderReport === 0) return undefined;
  const units = (compactNtp(now) - block.lastSenderReport - block.delaySinceLast) | 0;
  return units < 0 || units > 65536 * 60 ? undefined : units / 65.536;
}
