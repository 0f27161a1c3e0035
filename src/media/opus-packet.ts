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

/** True when the packet was coded with SILK, alone or as hybrid: only these can carry a copy of the packet before. */
export function mayCarryFec(packet: Uint8Array): boolean {
  return packet.length > 2 && (packet[0] as number) >> 3 < 16;
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
