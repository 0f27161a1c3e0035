import { RING_SIZE } from './packet-ring.ts';
import { sequenceDelta, timestampDelta } from './sequence.ts';

/** A packet whose media time is this far from what its arrival says belongs to another numbering. */
const MAX_TRANSIT_JUMP_MS = 1000;

/** A packet as it came. */
export interface ArrivedPacket {
  readonly sequence: number;
  readonly timestamp: number;
  readonly ticks: number;
  readonly payload: Buffer;
  readonly arrivalMs: number;
}

/**
 * Media time of one stream: unwraps timestamps, and notices when a source has begun to number anew (a PBX that bridges to
 * another party keeps the sequence but not the timestamps, or neither). One odd packet is set aside; two that agree are a restart.
 */
export class Timeline {
  /** The packet that did not fit, kept until the next one decides. */
  suspect: ArrivedPacket | undefined;
  readonly #ticksPerMs: number;
  #lastTimestamp = 0;
  #lastPosition = 0;
  #started = false;

  constructor(ticksPerMs: number) {
    this.#ticksPerMs = ticksPerMs;
  }

  reset(): void {
    this.suspect = undefined;
    this.#started = false;
  }

  judge(packet: ArrivedPacket, highest: number, minTransitMs: number): 'fits' | 'suspect' | 'restart' {
    if (!this.#started || this.#fits(packet, highest, minTransitMs)) {
      this.suspect = undefined;
      return 'fits';
    }
    if (this.suspect && this.#agree(this.suspect, packet)) return 'restart';
    this.suspect = packet;
    return 'suspect';
  }

  /** Ticks since the first packet of the stream; becomes the reference for the next. */
  place(packet: ArrivedPacket): number {
    if (!this.#started) {
      this.#started = true;
      this.#lastTimestamp = packet.timestamp;
      this.#lastPosition = 0;
    }
    const position = this.#positionOf(packet);
    this.#lastTimestamp = packet.timestamp;
    this.#lastPosition = position;
    return position;
  }

  /** Arrival minus media time of the packet's end. */
  transitMs(packet: ArrivedPacket, position: number): number {
    return packet.arrivalMs - (position + packet.ticks) / this.#ticksPerMs;
  }

  #positionOf(packet: ArrivedPacket): number {
    return this.#lastPosition + timestampDelta(packet.timestamp, this.#lastTimestamp);
  }

  #fits(packet: ArrivedPacket, highest: number, minTransitMs: number): boolean {
    if (Math.abs(sequenceDelta(packet.sequence, highest)) > RING_SIZE) return false;
    const transit = this.transitMs(packet, this.#positionOf(packet));
    return Math.abs(transit - minTransitMs) < MAX_TRANSIT_JUMP_MS;
  }

  #agree(first: ArrivedPacket, second: ArrivedPacket): boolean {
    const steps = sequenceDelta(second.sequence, first.sequence);
    if (steps < 1 || steps > 3) return false;
    const media = timestampDelta(second.timestamp, first.timestamp) / this.#ticksPerMs;
    return Math.abs(second.arrivalMs - first.arrivalMs - media) < MAX_TRANSIT_JUMP_MS;
  }
}
