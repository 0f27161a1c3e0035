import { randomBytes } from 'node:crypto';
import { ntpTime } from '../ntp-time.ts';
import { ReceptionReport, roundTripMs } from '../reception-report.ts';
import { type ParsedRtcp, parseRtcp, rtcpLength, writeRtcp } from '../rtcp.ts';
import type { RtpHeader } from '../rtp.ts';
import type { RtpStream } from './rtp-stream.ts';

export interface RtcpSessionOptions {
  /** Takes a compound packet in `packet[0…length)`, with room for SRTCP behind it. */
  readonly transmit: (packet: Buffer, length: number) => void;
  /** The peer's view of our stream: packets lost since its last report, percent. */
  readonly onLoss?: (percent: number) => void;
}

export interface Reception {
  readonly packetsLost: number;
  readonly jitterMs: number;
}

/** RFC 3550 §6.2: five seconds on average, and the first report after half of that. */
const intervalMs = 5000;
const blocksInReport = 31;
const maximumSources = 1000;
const tailRoom = 32;
const nothing: Reception = { packetsLost: 0, jitterMs: 0 };

/** The reports of one leg: what we sent, what came of each source, and who we are (RFC 3550 §6). */
export class RtcpSession {
  /** From us to the peer and back; undefined: the peer has not told yet. */
  roundTripMs: number | undefined;
  readonly #options: RtcpSessionOptions;
  /** Says nothing about this machine, and is new for each leg (RFC 7022 §4.2). */
  readonly #cname = randomBytes(12).toString('base64');
  readonly #sources = new Map<number, ReceptionReport>();
  readonly #packet = Buffer.alloc(rtcpLength(blocksInReport) + tailRoom);
  /** Sources of which packets came since they were last reported, in that order. */
  #heard: ReceptionReport[] = [];
  #nextAt = -1;

  constructor(options: RtcpSessionOptions) {
    this.#options = options;
  }

  /** Notes an RTP packet that was accepted; `unread`: see `ReceptionReport.received`. */
  received({ ssrc, sequence, timestamp }: RtpHeader, now: number, clockRate: number, unread = 0): void {
    let source = this.#sources.get(ssrc);
    if (source === undefined) {
      if (this.#sources.size >= maximumSources) return;
      source = new ReceptionReport(ssrc, clockRate);
      this.#sources.set(ssrc, source);
    }
    source.received(sequence, timestamp, now, unread);
    if (source.isHeard) return;
    source.isHeard = true;
    this.#heard.push(source);
  }

  /** Reads a compound of the peer; false when it is malformed. */
  receive(packet: Buffer, length: number, now: number, stream: RtpStream | undefined): boolean {
    const compound = parseRtcp(packet, length);
    if (compound === undefined) return false;
    for (const { ssrc, sender } of compound.senderReports) {
      this.#sources.get(ssrc)?.senderReported(sender.ntp, now);
    }
    this.#noteReports(compound, stream?.ssrc, now);
    return true;
  }

  /** What came of a source so far. */
  reception(ssrc: number | undefined): Reception {
    const source = ssrc === undefined ? undefined : this.#sources.get(ssrc);
    return source ? { packetsLost: source.packetsLost, jitterMs: source.jitterMs } : nothing;
  }

  /** Forgets a source that has left. */
  remove(ssrc: number): void {
    this.#heard = this.#heard.filter((source) => source.ssrc !== ssrc);
    this.#sources.delete(ssrc);
  }

  /** Sends a report when its time has come. */
  tick(now: number, stream: RtpStream): void {
    if (this.#nextAt < 0) this.#nextAt = now + intervalMs / 2;
    if (now < this.#nextAt) return;
    this.#nextAt = now + intervalMs * (0.5 + Math.random());
    this.#report(now, stream, false);
  }

  /** The last report, with BYE (RFC 3550 §6.6); nothing when we never sent anything. */
  bye(stream: RtpStream, now: number): void {
    if (stream.packetsSent > 0) this.#report(now, stream, true);
  }

  #report(now: number, stream: RtpStream, goodbye: boolean): void {
    const heard = this.#heard.splice(0, blocksInReport);
    const contents = {
      ssrc: stream.ssrc,
      blocks: heard.map((source) => source.report(now)),
      cname: this.#cname,
      goodbye,
    };
    const sender = {
      ntp: ntpTime(performance.timeOrigin + now),
      rtpTimestamp: stream.timestamp,
      packets: stream.packetsSent,
      octets: stream.octetsSent,
    };
    const length = writeRtcp(this.#packet, stream.packetsSent > 0 ? { ...contents, sender } : contents);
    this.#options.transmit(this.#packet, length);
  }

  #noteReports({ blocks }: ParsedRtcp, ssrc: number | undefined, now: number): void {
    for (const block of blocks) {
      if (block.ssrc !== ssrc) continue;
      this.roundTripMs = roundTripMs(block, ntpTime(performance.timeOrigin + now)) ?? this.roundTripMs;
      this.#options.onLoss?.((block.fractionLost * 100) / 256);
    }
  }
}
