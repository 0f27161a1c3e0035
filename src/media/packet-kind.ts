/** What a datagram on a shared port is, by its first bytes (RFC 7983 §7, RFC 5761 §4). `length` defaults to the buffer's. */

export type PacketKind = 'stun' | 'dtls' | 'rtp' | 'rtcp' | 'unknown';

export function packetKind(packet: Buffer, length = packet.length): PacketKind {
  if (length < 8) return 'unknown';
  const first = packet[0] as number;
  if (first < 4) return looksLikeStun(packet, length) ? 'stun' : 'unknown';
  if (first >= 20 && first <= 63) return looksLikeDtls(packet, length) ? 'dtls' : 'unknown';
  if (looksLikeRtcp(packet, length)) return 'rtcp';
  return looksLikeRtp(packet, length) ? 'rtp' : 'unknown';
}

/** A STUN header with the magic cookie and a length that fits (RFC 8489 §5). */
export function looksLikeStun(packet: Buffer, length = packet.length): boolean {
  if (length < 20 || (packet[0] as number) > 3) return false;
  const body = packet.readUInt16BE(2);
  return packet.readUInt32BE(4) === 0x2112a442 && (body & 3) === 0 && body + 20 <= length;
}

/** A DTLS record header (RFC 6347 §4.1). */
export function looksLikeDtls(packet: Buffer, length = packet.length): boolean {
  if (length < 13) return false;
  const first = packet[0] as number;
  return first >= 20 && first <= 63;
}

/** Version 2 and a second byte outside the RTCP range 192…223, which payload types 64…95 must avoid (RFC 5761 §4). */
export function looksLikeRtp(packet: Buffer, length = packet.length): boolean {
  return length >= 12 && isVersion2(packet) && !isRtcpType(packet);
}

export function looksLikeRtcp(packet: Buffer, length = packet.length): boolean {
  return length >= 8 && isVersion2(packet) && isRtcpType(packet);
}

function isVersion2(packet: Buffer): boolean {
  return (packet[0] as number) >> 6 === 2;
}

function isRtcpType(packet: Buffer): boolean {
  const second = packet[1] as number;
  return second >= 192 && second <= 223;
}
