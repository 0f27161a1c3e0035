import { fail, ok, type Result } from '../errors.ts';
import { opusPacketTicks } from './opus-packet.ts';
import type { OpusSound } from './opus-sound.ts';

const pageHeader = 27;
/** No logical stream of ours has more: an hour of 20 ms packets. */
const maximumPackets = 180_000;
const longestPacket = 8192;

/** Reads an Ogg Opus file (RFC 3533, RFC 7845) with one stream of one or two channels. Fails with `internal` and what is wrong. */
export function readOggOpus(file: Buffer): Result<OpusSound> {
  const packets: Buffer[] = [];
  let part: Buffer[] = [];
  let granule = 0n;
  for (let at = 0; at < file.length; ) {
    const page = readPage(file, at);
    if (page === undefined) return bad(`page at byte ${at}`);
    for (const { piece, isWhole } of page.pieces) {
      part.push(piece);
      if (!isWhole) continue;
      packets.push(Buffer.concat(part));
      part = [];
    }
    if (packets.length > maximumPackets) return bad('it is too long');
    if (page.granule >= 0n) granule = page.granule;
    at = page.end;
  }
  return assemble(packets, Number(granule));
}

function readPage(file: Buffer, at: number) {
  if (at + pageHeader > file.length || file.toString('latin1', at, at + 4) !== 'OggS') return undefined;
  const segments = file[at + 26] as number;
  let from = at + pageHeader + segments;
  if (from > file.length) return undefined;
  const pieces: { piece: Buffer; isWhole: boolean }[] = [];
  let length = 0;
  for (let index = 0; index < segments; index += 1) {
    const lacing = file[at + pageHeader + index] as number;
    length += lacing;
    if (lacing === 255 && index + 1 < segments) continue;
    if (from + length > file.length) return undefined;
    pieces.push({ piece: file.subarray(from, from + length), isWhole: lacing < 255 });
    from += length;
    length = 0;
  }
  return { granule: file.readBigInt64LE(at + 6), pieces, end: from };
}

function assemble(packets: readonly Buffer[], granule: number): Result<OpusSound> {
  const [head, , ...audio] = packets;
  if (head === undefined || head.length < 19 || head.toString('latin1', 0, 8) !== 'OpusHead')
    return bad('it is not Opus');
  if ((head[9] as number) > 2 || head[18] !== 0) return bad('it has more than two channels');
  const preSkip = head.readUInt16LE(10);
  let ticks = 0;
  for (const packet of audio) {
    const duration = packet.length > longestPacket ? 0 : opusPacketTicks(packet);
    if (duration === 0) return bad('a packet is malformed');
    ticks += duration;
  }
  const samples = Math.min(ticks, granule > 0 ? granule : ticks) - preSkip;
  return samples > 0 ? ok({ packets: audio, preSkip, samples }) : bad('it is empty');
}

function bad(what: string): Result<never> {
  return fail('internal', `not a sound file that can be used: ${what}`);
}
