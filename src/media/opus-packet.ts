/** What the first bytes of an Opus packet say (RFC 6716 §3). */

const MAX_PACKET_MS = 120;

/** Duration in samples at 48 kHz, which is the RTP clock of Opus (RFC 7587 §4.1); 0 when the packet is malformed. */
export function opusPacketTicks(packet: Uint8Array): number {
  const frames = frameCount(packet);
  const ticks = frames * frameTicks(packet[0] ?? 0);
  return ticks <= MAX_PACKET_MS * 48 ? ticks : 0;
}

/** True for a packet that only keeps discontinuous transmission going: a TOC byte with next to nothing after it. */
export function isOpusDtx(packet: Uint8Array): boolean {
  return packet.length > 0 && packet.length <= 2;
}

/**
 * True when the packet carries a copy of the one before (LBRR). Only what was coded with SILK, alone or as hybrid, can: its first frame begins with
 * a bit for each 20 ms that says whether there is voice, and then the one that says whether there is a copy (RFC 6716 §4.2.3); in stereo once for each channel.
 */
export function hasFec(packet: Uint8Array): boolean {
  const toc = packet[0] ?? 0xff;
  if (toc >> 3 >= 16 || packet.length <= 2) return false;
  const start = firstFrame(packet);
  if (start >= packet.length) return false;
  const bits = packet[start] as number;
  const voiceBits = Math.max(1, frameTicks(toc) / 960);
  const isMid = (bits >> (7 - voiceBits)) & 1;
  const isSide = (toc & 4) !== 0 ? (bits >> (6 - 2 * voiceBits)) & 1 : 0;
  return (isMid | isSide) === 1;
}

/** Samples at 48 kHz in one frame of this TOC (RFC 6716 table 2). */
function frameTicks(toc: number): number {
  const configuration = toc >> 3;
  if (configuration < 12) return [480, 960, 1920, 2880][configuration & 3] as number;
  if (configuration < 16) return (configuration & 1) === 0 ? 480 : 960;
  return 120 << (configuration & 3);
}

function frameCount(packet: Uint8Array): number {
  if (packet.length === 0) return 0;
  const code = (packet[0] as number) & 3;
  if (code === 0) return 1;
  if (code < 3) return 2;
  return packet.length < 2 ? 0 : (packet[1] as number) & 0x3f;
}

/** Where the first frame begins (RFC 6716 §3.2); at or behind the end when there is none. */
function firstFrame(packet: Uint8Array): number {
  const code = (packet[0] as number) & 3;
  if (code < 2) return 1;
  if (code === 2) return 1 + lengthBytes(packet, 1);
  const count = packet[1] as number;
  let at = 2;
  if ((count & 0x40) !== 0) {
    while (packet[at] === 255) at += 1;
    at += 1;
  }
  if ((count & 0x80) === 0) return at;
  for (let frame = 1; frame < (count & 0x3f); frame += 1) at += lengthBytes(packet, at);
  return at;
}

function lengthBytes(packet: Uint8Array, at: number): number {
  return (packet[at] ?? 0) < 252 ? 1 : 2;
}
