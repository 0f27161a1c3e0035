import { randomBytes } from 'node:crypto';
import { type RtpFields, writeRtp } from '../rtp.ts';
import { sequenceAdd, timestampAdd } from '../sequence.ts';

/** What we send under one SSRC: its numbers begin at random (RFC 3550 §5.1), the sequence has no holes, the timestamp follows time. */
export class RtpStream {
  readonly ssrc: number;
  packetsSent = 0;
  octetsSent = 0;
  readonly #fields: RtpFields;
  readonly #audioLevelId: number;
  #isPause = false;

  constructor(payloadType: number, audioLevelId = 0, ssrc = randomBytes(4).readUInt32BE()) {
    this.ssrc = ssrc;
    this.#audioLevelId = audioLevelId;
    const random = randomBytes(6);
    this.#fields = {
      marker: true,
      payloadType,
      sequence: random.readUInt16BE(0),
      timestamp: random.readUInt32BE(2),
      ssrc,
      audioLevel: -1,
      voice: false,
    };
  }

  /** RTP time of the next sample. */
  get timestamp(): number {
    return this.#fields.timestamp;
  }

  set payloadType(payloadType: number) {
    this.#fields.payloadType = payloadType;
  }

  /** Time passes in which nothing is sent; the packet after it begins a talk spurt (RFC 3551 §4.1). */
  skip(ticks: number): void {
    this.#fields.timestamp = timestampAdd(this.#fields.timestamp, ticks);
    this.#fields.marker = true;
  }

  /** The next packet belongs to a pause that goes on: it has no marker, and the one after it has. */
  pause(): void {
    this.#fields.marker = false;
    this.#isPause = true;
  }

  /** Writes the header of the next packet; answers where the payload begins. Follow it with `sent`. */
  begin(packet: Buffer, audioLevel = -1, voice = false): number {
    this.#fields.audioLevel = audioLevel;
    this.#fields.voice = voice;
    return writeRtp(packet, this.#fields, this.#audioLevelId);
  }

  /** As `begin`, for a telephone-event: it has a number of its own and the time at which the key went down (RFC 4733 §2.1). */
  beginEvent(packet: Buffer, payloadType: number, timestamp: number, marker: boolean): number {
    return writeRtp(packet, { ...this.#fields, payloadType, timestamp, marker, audioLevel: -1 }, 0);
  }

  /** The packet that was begun is sent, and stood for `ticks`. */
  sent(payloadBytes: number, ticks: number): void {
    this.packetsSent += 1;
    this.octetsSent += payloadBytes;
    this.#fields.sequence = sequenceAdd(this.#fields.sequence, 1);
    this.#fields.timestamp = timestampAdd(this.#fields.timestamp, ticks);
    this.#fields.marker = this.#isPause;
    this.#isPause = false;
  }
}
