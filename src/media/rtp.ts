import { readAudioLevel } from './rtp-extension.ts';

/** The fields of one RTP packet (RFC 3550 §5.1). Mutable, so that one object serves all packets of a socket. */
export interface RtpHeader {
  marker: boolean;
  payloadType: number;
  /** 16 bits. */
  sequence: number;
  /** 32 bits, in ticks of the payload's clock. */
  timestamp: number;
  ssrc: number;
  /** Where the payload lies in the packet: `packet.subarray(payloadStart, payloadEnd)`. */
  payloadStart: number;
  payloadEnd: number;
  /** 0 (loudest) to 127 (silence) in −dBov (RFC 6464 §3); −1 when the packet does not say. */
  audioLevel: number;
  /** The sender says that this is speech (RFC 6464 §3). */
  voice: boolean;
}

export const RTP_HEADER_LENGTH = 12;
/** What `writeRtp` puts before the payload when it writes the audio level: at most this many bytes. */
export const RTP_HEADER_WITH_LEVEL = 20;

export function newRtpHeader(): RtpHeader {
  return {
    marker: false,
    payloadType: 0,
    sequence: 0,
    timestamp: 0,
    ssrc: 0,
    payloadStart: 0,
    payloadEnd: 0,
    audioLevel: -1,
    voice: false,
  };
}

/**
 * Reads a packet into `header`, which is left undefined when the answer is false (not RTP version 2, cut short, bad padding).
 * `audioLevelId` is the negotiated extension id of ssrc-audio-level; 0 when there is none. Allocates nothing.
 */
export function parseRtp(
  packet: Buffer,
  header: RtpHeader,
  audioLevelId = 0,
  length = packet.length,
): boolean {
  const payloadStart = rtpHeaderLength(packet, length);
  if (payloadStart < 0) return false;
  const first = packet[0] as number;
  const second = packet[1] as number;
  const padding = (first & 0x20) === 0 ? 0 : (packet[length - 1] as number);
  if ((first & 0x20) !== 0 && (padding === 0 || padding > length - payloadStart)) return false;
  header.marker = second >= 128;
  header.payloadType = second & 0x7f;
  header.sequence = packet.readUInt16BE(2);
  header.timestamp = packet.readUInt32BE(4);
  header.ssrc = packet.readUInt32BE(8);
  header.payloadStart = payloadStart;
  header.payloadEnd = length - padding;
  header.audioLevel = -1;
  header.voice = false;
  if (audioLevelId > 0 && (first & 0x10) !== 0) {
    const level = readAudioLevel(packet, RTP_HEADER_LENGTH + 4 * (first & 0x0f), payloadStart, audioLevelId);
    if (level >= 0) {
      header.audioLevel = level & 0x7f;
      header.voice = level >= 128;
    }
  }
  return true;
}

/** The audio level in the header of a packet whose payload may be encrypted still: 0 to 127, or −1 when it does not say. */
export function clearAudioLevel(packet: Buffer, audioLevelId: number): number {
  const first = packet[0] as number;
  if (audioLevelId === 0 || (first & 0x10) === 0) return -1;
  const payloadStart = rtpHeaderLength(packet);
  if (payloadStart < 0) return -1;
  const level = readAudioLevel(packet, RTP_HEADER_LENGTH + 4 * (first & 0x0f), payloadStart, audioLevelId);
  return level < 0 ? -1 : level & 0x7f;
}

/** Length of the header with CSRCs and extension, or −1 when this is no RTP packet (RFC 3550 §5.1, §5.3.1). */
export function rtpHeaderLength(packet: Buffer, length = packet.length): number {
  if (length < RTP_HEADER_LENGTH || length > packet.length) return -1;
  const first = packet[0] as number;
  if (first >> 6 !== 2) return -1;
  let end = RTP_HEADER_LENGTH + 4 * (first & 0x0f);
  if ((first & 0x10) !== 0) {
    if (end + 4 > length) return -1;
    end += 4 + 4 * packet.readUInt16BE(end + 2);
  }
  return end > length ? -1 : end;
}

/** What a sender decides about one packet. `audioLevel` and `voice` are written only with an extension id. */
export type RtpFields = Pick<
  RtpHeader,
  'marker' | 'payloadType' | 'sequence' | 'timestamp' | 'ssrc' | 'audioLevel' | 'voice'
>;

/**
 * Writes the header at the start of `out` and answers where the payload begins (12, or 20 with the audio level).
 * `audioLevelId` 1…14 gives the one-byte form, 15…255 the two-byte form (RFC 8285 §4.2, §4.3), 0 no extension.
 */
export function writeRtp(out: Buffer, fields: RtpFields, audioLevelId = 0): number {
  const extended = audioLevelId > 0 && fields.audioLevel >= 0;
  out[0] = extended ? 0x90 : 0x80;
  out[1] = (fields.marker ? 0x80 : 0) | fields.payloadType;
  out.writeUInt16BE(fields.sequence, 2);
  out.writeUInt32BE(fields.timestamp, 4);
  out.writeUInt32BE(fields.ssrc, 8);
  if (!extended) return RTP_HEADER_LENGTH;
  const level = (fields.voice ? 0x80 : 0) | Math.min(fields.audioLevel, 127);
  if (audioLevelId < 15) {
    out.writeUInt32BE(0xbede0001, 12);
    out.writeUInt32BE(((audioLevelId << 28) | (level << 16)) >>> 0, 16);
  } else {
    out.writeUInt32BE(0x10000001, 12);
    out.writeUInt32BE(((audioLevelId << 24) | (1 << 16) | (level << 8)) >>> 0, 16);
  }
  return RTP_HEADER_WITH_LEVEL;
}
