import type { Sound } from '../../kit/sound.ts';
import { percentile } from '../percentiles.ts';
import { lagOf } from './alignment.ts';
import { decodeAtPhone, decodeInRoom, encodePhone, encodeRoom, type Frames, wholeChain } from './chains.ts';
import { type AudioCodec, type Band, type Condition, codecFormats, type Direction } from './conditions.ts';
import type { HeardPacket } from './ends.ts';
import type { Pair } from './pesq.ts';
import { oneStream, type Piece, pieceSeconds } from './pieces.ts';
import type { CallStreams, Passage } from './stage.ts';

/** One piece as it came through the gateway, and as it comes through the codecs alone. */
export interface PieceResult {
  readonly codec: AudioCodec;
  readonly direction: Direction;
  readonly condition: Condition['name'];
  readonly piece: string;
  readonly gateway: Pair;
  readonly reference: Pair;
  /** From end to end on the wire, less what the codecs delay. */
  readonly addedDelayMs: number;
  /** Of the frames of this piece. */
  readonly lostFrames: number;
}

/** Speech that is not scored, at the beginning: programs warm up. */
export const leadSeconds = 4;
const frameMs = 20;

/** The packets of both ends, coded once. */
export class Material {
  readonly pieces: readonly Piece[];
  readonly #room: readonly Buffer[];
  readonly #phone: ReadonlyMap<AudioCodec, readonly Buffer[]>;

  static async make(pieces: readonly Piece[], codecs: readonly AudioCodec[]): Promise<Material> {
    const room = await encodeRoom(
      oneStream(
        pieces.map(({ at48 }) => at48),
        leadSeconds,
      ),
    );
    const phone = new Map<AudioCodec, readonly Buffer[]>();
    for (const codec of codecs) {
      const at = pieces.map((piece) => atRate(piece, codecFormats[codec].rate));
      phone.set(codec, await encodePhone(oneStream(at, leadSeconds), codec));
    }
    return new Material(pieces, room, phone);
  }

  private constructor(
    pieces: readonly Piece[],
    room: readonly Buffer[],
    phone: ReadonlyMap<AudioCodec, readonly Buffer[]>,
  ) {
    this.pieces = pieces;
    this.#room = room;
    this.#phone = phone;
  }

  streams(codec: AudioCodec): CallStreams {
    return { room: this.#room, phone: this.#phone.get(codec) ?? [] };
  }
}

/** Compares what came through the gateway with what the codecs alone make of the same packets, for some of the pieces. */
export async function results(
  material: Material,
  codec: AudioCodec,
  condition: Condition['name'],
  direction: Direction,
  passage: Passage,
  pieces: ReadonlySet<number>,
): Promise<PieceResult[]> {
  const band: Band = codec === 'PCMU' ? 'nb' : 'wb';
  const rate = band === 'nb' ? 8000 : 16_000;
  const { room, phone } = material.streams(codec);
  const sent = direction === 'room to phone' ? room : phone;
  const arrived: Frames = sent.map((frame, at) => (passage.lost.has(at) ? 'lost' : frame));
  const alone = await wholeChain(arrived, codec, direction);
  const { frames, startedAt } = received(
    passage.heard,
    direction === 'room to phone' ? codecFormats[codec].clockRate : 48_000,
  );
  const through = await (direction === 'room to phone'
    ? decodeAtPhone(frames, codec)
    : decodeInRoom(frames, rate));
  const offset = (passage.startedAt - startedAt) / 1000;
  return material.pieces.flatMap((piece, index) => {
    if (!pieces.has(index)) return [];
    const source = atRate(piece, rate);
    const from = leadSeconds + index * pieceSeconds;
    const gateway = found(source, { rate, samples: through }, from + offset);
    const reference = found(source, { rate, samples: alone }, from);
    const pair = (degraded: Int16Array): Pair => ({ reference: source.samples, degraded, band });
    return {
      codec,
      direction,
      condition,
      piece: piece.name,
      gateway: pair(gateway.samples),
      reference: pair(reference.samples),
      addedDelayMs: gateway.lagMs - reference.lagMs,
      lostFrames: [...passage.lost].filter((frame) => isWithin(frame * frameMs, from, from + pieceSeconds))
        .length,
    };
  });
}

/** The piece as it was heard about second `expected`, cut sample-near. What cannot be found is scored where it should be. */
function found(piece: Sound, heard: Sound, expected: number): { samples: Int16Array; lagMs: number } {
  const lagMs = lagOf(piece, heard, expected) ?? 0;
  const start = Math.round((expected + lagMs / 1000) * heard.rate);
  const samples = new Int16Array(piece.samples.length);
  samples.set(heard.samples.subarray(Math.max(0, start), start + samples.length), Math.max(0, -start));
  return { samples, lagMs };
}

function isWithin(ms: number, fromSeconds: number, toSeconds: number): boolean {
  return ms >= fromSeconds * 1000 && ms < toSeconds * 1000;
}

function atRate(piece: Piece, rate: number): Sound {
  return rate === 8000 ? piece.at8 : rate === 16_000 ? piece.at16 : piece.at48;
}

/** In order of their timestamps, and when the first of them came (as the median of all says). */
function received(heard: readonly HeardPacket[], clockRate: number): { frames: Frames; startedAt: number } {
  const first = heard[0];
  if (first === undefined) throw new Error('nothing came through the gateway');
  const ticks = clockRate / 50;
  const places = heard.map(({ timestamp }) => Math.round(((timestamp - first.timestamp) | 0) / ticks));
  const earliest = Math.min(...places);
  const frames = new Array<Buffer | 'paused'>(Math.max(...places) - earliest + 1).fill('paused');
  heard.forEach(({ payload }, index) => {
    frames[(places[index] as number) - earliest] = payload;
  });
  const arrivals = heard.map(({ at }, index) => at - ((places[index] as number) - earliest) * frameMs);
  return { frames, startedAt: percentile(arrivals, 0.5) };
}
