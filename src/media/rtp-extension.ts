/** RTP header extensions in the one-byte and the two-byte form (RFC 8285 §4.2, §4.3). */

/**
 * The byte of the ssrc-audio-level extension `id`: voice flag in bit 7, level in bits 0…6 (RFC 6464 §3); −1 when it is not there.
 * `start` is where the extension's own header begins, `end` where the payload begins; both lie inside `packet`.
 */
export function readAudioLevel(packet: Buffer, start: number, end: number, id: number): number {
  const profile = packet.readUInt16BE(start);
  if (profile === 0xbede) return findOneByte(packet, start + 4, end, id);
  if ((profile & 0xfff0) === 0x1000) return findTwoByte(packet, start + 4, end, id);
  return -1;
}

function findOneByte(packet: Buffer, start: number, end: number, id: number): number {
  let at = start;
  while (at < end) {
    const element = packet[at] as number;
    if (element === 0) {
      at += 1; // padding
      continue;
    }
    const elementId = element >> 4;
    if (elementId === 15) return -1; // reserved: stop here (RFC 8285 §4.2)
    if (elementId === id) return at + 1 < end ? (packet[at + 1] as number) : -1;
    at += 2 + (element & 0x0f);
  }
  return -1;
}

function findTwoByte(packet: Buffer, start: number, end: number, id: number): number {
  let at = start;
  while (at + 1 < end) {
    const elementId = packet[at] as number;
    if (elementId === 0) {
      at += 1;
      continue;
    }
    const length = packet[at + 1] as number;
    if (elementId === id) return length > 0 && at + 2 < end ? (packet[at + 2] as number) : -1;
    at += 2 + length;
  }
  return -1;
}
