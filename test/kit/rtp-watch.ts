/** What a packet on a media socket is, by its first byte (RFC 7983), and what its clear part says. */
export interface RtpHeader {
  readonly ssrc: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly payloadType: number;
  /** RFC 6464 level, 0 (loud) to 127 (silence); undefined: not in the packet. */
  readonly level: number | undefined;
}

/** The header of an RTP packet, SRTP or not (RFC 3550 §5.1; header extensions are in clear under RFC 3711); else undefined. */
export function readRtp(packet: Buffer, levelId: number | undefined): RtpHeader | undefined {
  if (packet.length < 12 || packet.readUInt8(0) >> 6 !== 2) return undefined;
  const payloadType = packet.readUInt8(1) & 0x7f;
  if (payloadType >= 64 && payloadType <= 95) return undefined; // RTCP (RFC 5761 §4)
  return {
    ssrc: packet.readUInt32BE(8),
    sequence: packet.readUInt16BE(2),
    timestamp: packet.readUInt32BE(4),
    payloadType,
    level: levelId === undefined ? undefined : audioLevel(packet, levelId),
  };
}

/** One-byte header extensions (RFC 8285 §4.2). */
function audioLevel(packet: Buffer, levelId: number): number | undefined {
  const start = 12 + 4 * (packet.readUInt8(0) & 0x0f);
  if (
    (packet.readUInt8(0) & 0x10) === 0 ||
    packet.length < start + 4 ||
    packet.readUInt16BE(start) !== 0xbede
  )
    return undefined;
  const end = Math.min(packet.length, start + 4 + 4 * packet.readUInt16BE(start + 2));
  for (let at = start + 4; at < end; ) {
    const id = packet.readUInt8(at) >> 4;
    const length = (packet.readUInt8(at) & 0x0f) + 1;
    if (id === 15) return undefined;
    if (id === 0) at += 1;
    else {
      if (id === levelId && at + 1 < end) return packet.readUInt8(at + 1) & 0x7f;
      at += 1 + length;
    }
  }
  return undefined;
}

/** What was seen of one SSRC on the wire. Times are milliseconds since 1970. */
export interface StreamStatistics {
  packets: number;
  /** Sequence numbers that never came, so far. */
  missing: number;
  firstAt: number;
  lastAt: number;
  /** Longest time between two packets. */
  longestPauseMs: number;
  payloadTypes: number[];
  /** Packets by audio level; packets without a level are not in it. */
  levels: Record<number, number>;
  /** Times of the packets that were loud after one that was not, or after none: at most 1,000. */
  onsets: number[];
}

/** RFC 6464 levels below this (louder than −35 dBov) are loud: a mark, when what lies between marks is quiet. */
const loud = 35;

export class RtpWatch {
  readonly streams = new Map<number, StreamStatistics>();
  readonly #highest = new Map<number, number>();
  readonly #loud = new Set<number>();

  seen(header: RtpHeader, now = Date.now()): void {
    const stream = this.streams.get(header.ssrc) ?? newStream(now);
    this.streams.set(header.ssrc, stream);
    stream.longestPauseMs = Math.max(stream.longestPauseMs, now - stream.lastAt);
    stream.lastAt = now;
    stream.packets += 1;
    if (!stream.payloadTypes.includes(header.payloadType)) stream.payloadTypes.push(header.payloadType);
    if (header.level !== undefined) stream.levels[header.level] = (stream.levels[header.level] ?? 0) + 1;
    this.#listen(header, stream, now);
    this.#count(header, stream);
  }

  #listen({ ssrc, level }: RtpHeader, stream: StreamStatistics, now: number): void {
    if (level === undefined || level >= loud) this.#loud.delete(ssrc);
    else if (!this.#loud.has(ssrc)) {
      this.#loud.add(ssrc);
      if (stream.onsets.length < 1000) stream.onsets.push(now);
    }
  }

  #count(header: RtpHeader, stream: StreamStatistics): void {
    const highest = this.#highest.get(header.ssrc);
    const ahead = highest === undefined ? 1 : (header.sequence - highest) & 0xffff;
    if (ahead === 0) return;
    if (ahead < 0x8000) {
      stream.missing += ahead - 1;
      this.#highest.set(header.ssrc, header.sequence);
    } else stream.missing = Math.max(0, stream.missing - 1); // late, not lost
  }
}

function newStream(now: number): StreamStatistics {
  return {
    packets: 0,
    missing: 0,
    firstAt: now,
    lastAt: now,
    longestPauseMs: 0,
    payloadTypes: [],
    levels: {},
    onsets: [],
  };
}
