import type { NtpTime } from './ntp-time.ts';

/** RTCP compound packets (RFC 3550 §6): sender and receiver reports, CNAME, BYE. What else is in a compound is stepped over. */

const SENDER_REPORT = 200;
const RECEIVER_REPORT = 201;
const SOURCE_DESCRIPTION = 202;
const GOODBYE = 203;
const CNAME = 1;
const BLOCK_LENGTH = 24;
const MAX_BLOCKS = 31;

/** What one receiver says about one source (RFC 3550 §6.4.1). */
export interface ReportBlock {
  readonly ssrc: number;
  /** Of the packets expected since the last report, in 256ths. */
  readonly fractionLost: number;
  /** Since the beginning; negative when more came than were sent (duplicates). 24 bits, signed. */
  readonly cumulativeLost: number;
  /** Extended highest sequence number received, 32 bits. */
  readonly highestSequence: number;
  /** In RTP clock ticks. */
  readonly jitter: number;
  /** Compact NTP time of the last sender report, 0 if none. */
  readonly lastSenderReport: number;
  /** 1/65536 s between its arrival and this report. */
  readonly delaySinceLast: number;
}

export interface SenderInfo {
  readonly ntp: NtpTime;
  readonly rtpTimestamp: number;
  readonly packets: number;
  readonly octets: number;
}

export interface CompoundContents {
  readonly ssrc: number;
  /** What makes it a sender report; without it, it is a receiver report. */
  readonly sender?: SenderInfo;
  readonly blocks: readonly ReportBlock[];
  /** At most 255 bytes of UTF-8. */
  readonly cname: string;
  readonly goodbye?: boolean;
}

/** Bytes that `writeRtcp` needs at most for so many blocks. */
export function rtcpLength(blocks: number): number {
  return 28 + BLOCK_LENGTH * Math.min(blocks, MAX_BLOCKS) + 268 + 8;
}

/** Writes SR or RR, SDES with CNAME, and BYE, to the start of `out`; answers the length. At most 31 blocks are written. */
export function writeRtcp(out: Buffer, contents: CompoundContents): number {
  let at = writeReport(out, contents);
  at = writeCname(out, at, contents.ssrc, contents.cname);
  if (contents.goodbye) {
    writeHeader(out, at, 1, GOODBYE, 8);
    out.writeUInt32BE(contents.ssrc, at + 4);
    at += 8;
  }
  return at;
}

function writeReport(out: Buffer, { ssrc, sender, blocks }: CompoundContents): number {
  const count = Math.min(blocks.length, MAX_BLOCKS);
  let at = 8;
  if (sender) {
    out.writeUInt32BE(sender.ntp.seconds, 8);
    out.writeUInt32BE(sender.ntp.fraction, 12);
    out.writeUInt32BE(sender.rtpTimestamp, 16);
    out.writeUInt32BE(sender.packets >>> 0, 20);
    out.writeUInt32BE(sender.octets >>> 0, 24);
    at = 28;
  }
  for (let block = 0; block < count; block++) at = writeBlock(out, at, blocks[block] as ReportBlock);
  writeHeader(out, 0, count, sender ? SENDER_REPORT : RECEIVER_REPORT, at);
  out.writeUInt32BE(ssrc, 4);
  return at;
}

function writeBlock(out: Buffer, at: number, block: ReportBlock): number {
  const lost = Math.max(-0x800000, Math.min(0x7fffff, block.cumulativeLost));
  out.writeUInt32BE(block.ssrc, at);
  out.writeUInt32BE(((block.fractionLost << 24) | (lost & 0xffffff)) >>> 0, at + 4);
  out.writeUInt32BE(block.highestSequence, at + 8);
  out.writeUInt32BE(Math.min(Math.round(block.jitter), 0xffffffff), at + 12);
  out.writeUInt32BE(block.lastSenderReport, at + 16);
  out.writeUInt32BE(block.delaySinceLast, at + 20);
  return at + BLOCK_LENGTH;
}

function writeCname(out: Buffer, start: number, ssrc: number, cname: string): number {
  const text = Buffer.from(cname).subarray(0, 255);
  const end = start + ((8 + 2 + text.length + 1 + 3) & ~3); // ended by a zero, padded to 32 bits (§6.5)
  out.fill(0, start, end);
  writeHeader(out, start, 1, SOURCE_DESCRIPTION, end - start);
  out.writeUInt32BE(ssrc, start + 4);
  out[start + 8] = CNAME;
  out[start + 9] = text.length;
  text.copy(out, start + 10);
  return end;
}

function writeHeader(out: Buffer, at: number, count: number, type: number, length: number): void {
  out[at] = 0x80 | count;
  out[at + 1] = type;
  out.writeUInt16BE(length / 4 - 1, at + 2);
}

export interface ParsedRtcp {
  /** Sender of the first packet in the compound. */
  readonly ssrc: number;
  readonly senderReports: readonly { readonly ssrc: number; readonly sender: SenderInfo }[];
  readonly blocks: readonly ReportBlock[];
  readonly cnames: readonly { readonly ssrc: number; readonly cname: string }[];
  /** SSRCs that said goodbye. */
  readonly goodbyes: readonly number[];
}

interface Collected {
  ssrc: number;
  senderReports: { ssrc: number; sender: SenderInfo }[];
  blocks: ReportBlock[];
  cnames: { ssrc: number; cname: string }[];
  goodbyes: number[];
}

/**
 * Reads a compound, or a single packet of it (RFC 5506); undefined when a header is wrong or something is cut short. Packets of other
 * types (feedback, extended reports) are stepped over.
 */
export function parseRtcp(packet: Buffer, length = packet.length): ParsedRtcp | undefined {
  if (length < 8 || length > packet.length) return undefined;
  const found: Collected = {
    ssrc: packet.readUInt32BE(4),
    senderReports: [],
    blocks: [],
    cnames: [],
    goodbyes: [],
  };
  let at = 0;
  while (at < length) {
    const end = packetEnd(packet, at, length);
    if (end < 0 || !readPacket(packet, at, end, found)) return undefined;
    at = end;
  }
  return found;
}

function packetEnd(packet: Buffer, at: number, length: number): number {
  if (at + 4 > length || (packet[at] as number) >> 6 !== 2) return -1;
  const end = at + 4 * (packet.readUInt16BE(at + 2) + 1);
  return end > length ? -1 : end;
}

function readPacket(packet: Buffer, at: number, end: number, found: Collected): boolean {
  const count = (packet[at] as number) & 0x1f;
  switch (packet[at + 1]) {
    case SENDER_REPORT:
      if (at + 28 > end) return false;
      found.senderReports.push({ ssrc: packet.readUInt32BE(at + 4), sender: readSender(packet, at + 8) });
      return readBlocks(packet, at + 28, end, count, found);
    case RECEIVER_REPORT:
      return readBlocks(packet, at + 8, end, count, found);
    case SOURCE_DESCRIPTION:
      return readDescription(packet, at + 4, end, count, found);
    case GOODBYE:
      if (at + 4 + 4 * count > end) return false;
      for (let source = 0; source < count; source++)
        found.goodbyes.push(packet.readUInt32BE(at + 4 + 4 * source));
      return true;
    default:
      return true;
  }
}

function readSender(packet: Buffer, at: number): SenderInfo {
  return {
    ntp: { seconds: packet.readUInt32BE(at), fraction: packet.readUInt32BE(at + 4) },
    rtpTimestamp: packet.readUInt32BE(at + 8),
    packets: packet.readUInt32BE(at + 12),
    octets: packet.readUInt32BE(at + 16),
  };
}

function readBlocks(packet: Buffer, start: number, end: number, count: number, found: Collected): boolean {
  if (start + BLOCK_LENGTH * count > end) return false;
  for (let at = start; at < start + BLOCK_LENGTH * count; at += BLOCK_LENGTH) {
    found.blocks.push({
      ssrc: packet.readUInt32BE(at),
      fractionLost: packet[at + 4] as number,
      cumulativeLost: packet.readIntBE(at + 5, 3),
      highestSequence: packet.readUInt32BE(at + 8),
      jitter: packet.readUInt32BE(at + 12),
      lastSenderReport: packet.readUInt32BE(at + 16),
      delaySinceLast: packet.readUInt32BE(at + 20),
    });
  }
  return true;
}

/** Chunks of items, each chunk ended by a zero and padded to 32 bits (§6.5). */
function readDescription(
  packet: Buffer,
  start: number,
  end: number,
  count: number,
  found: Collected,
): boolean {
  let at = start;
  for (let chunk = 0; chunk < count; chunk++) {
    if (at + 4 > end) return false;
    const ssrc = packet.readUInt32BE(at);
    at += 4;
    while (at < end && packet[at] !== 0) {
      if (at + 2 > end) return false;
      const textEnd = at + 2 + (packet[at + 1] as number);
      if (textEnd > end) return false;
      if (packet[at] === CNAME) found.cnames.push({ ssrc, cname: packet.toString('utf8', at + 2, textEnd) });
      at = textEnd;
    }
    at = start + ((at - start + 4) & ~3);
  }
  return true;
}
