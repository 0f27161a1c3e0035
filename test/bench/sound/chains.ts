import { createAudioDecoder, createAudioEncoder } from '../../../src/media/audio-codec.ts';
import { OpusDecoder, OpusEncoder } from '../../../src/media/worker/opus.ts';
import type { AudioCodec, Direction } from './conditions.ts';
import { codecFormats } from './conditions.ts';

type Rate = 8000 | 16000 | 48000;
type WaveformCodec = Exclude<AudioCodec, 'opus'>;

/** Frames of 20 ms. `lost`: it was sent. `paused`: the sender had nothing to say, and said so. */
export type Frames = readonly (Buffer | 'lost' | 'paused')[];

interface OpusSettings {
  readonly rate: Rate;
  readonly bitRate: number;
  readonly complexity: number;
}

/** What a browser sends. */
const roomOpus: OpusSettings = { rate: 48_000, bitRate: 32_000, complexity: 9 };
/** What the gateway sends, by the rate of the phone's codec (src/media/worker/opus.ts). */
const gatewayOpus: Readonly<Record<Rate, OpusSettings>> = {
  8000: { rate: 8000, bitRate: 16_000, complexity: 5 },
  16000: { rate: 16_000, bitRate: 24_000, complexity: 5 },
  48000: { rate: 48_000, bitRate: 32_000, complexity: 5 },
};
const expectedLoss = 5;
const longestPacket = 1275;

/** The room's voice, at 48 kHz, as a browser codes it. */
export const encodeRoom = (pcm: Int16Array): Promise<Buffer[]> => encodeOpus(pcm, roomOpus);

/** The phone's voice, at the rate of its codec, as the phone codes it. */
export async function encodePhone(pcm: Int16Array, codec: AudioCodec): Promise<Buffer[]> {
  return codec === 'opus' ? encodeOpus(pcm, roomOpus) : encodeWaveform(pcm, codec);
}

/** What a phone hears of these frames, at 8 or 16 kHz. */
export async function decodeAtPhone(frames: Frames, codec: AudioCodec): Promise<Int16Array> {
  return codec === 'opus' ? decodeOpus(frames, 16_000) : decodeWaveform(frames, codec);
}

/** What the room hears of these frames, at the rate at which it is scored. */
export const decodeInRoom = (frames: Frames, rate: 8000 | 16000): Promise<Int16Array> =>
  decodeOpus(frames, rate);

/**
 * The reference: the codecs of the whole way, one behind the other, without a network or a gateway. `frames`: what the first of them
 * made, less what the network lost.
 */
export async function wholeChain(
  frames: Frames,
  codec: AudioCodec,
  direction: Direction,
): Promise<Int16Array> {
  const { rate } = codecFormats[codec];
  if (direction === 'room to phone') return throughPhone(await decodeOpus(frames, rate), codec);
  return throughRoom(
    codec === 'opus' ? await decodeOpus(frames, rate) : decodeWaveform(frames, codec),
    codec,
  );
}

/** What the gateway has decoded for the phone, coded for it and heard by it. */
export async function throughPhone(pcm: Int16Array, codec: AudioCodec): Promise<Int16Array> {
  const again = codec === 'opus' ? await encodeOpus(pcm, gatewayOpus[48_000]) : encodeWaveform(pcm, codec);
  return decodeAtPhone(again, codec);
}

/** What the gateway has decoded of the phone, coded for the room and heard there. */
export async function throughRoom(pcm: Int16Array, codec: AudioCodec): Promise<Int16Array> {
  const { rate } = codecFormats[codec];
  return decodeInRoom(await encodeOpus(pcm, gatewayOpus[rate]), rate === 8000 ? 8000 : 16_000);
}

/** By the same libopus as the gateway's. */
async function encodeOpus(pcm: Int16Array, settings: OpusSettings): Promise<Buffer[]> {
  const encoder = new OpusEncoder({ ...settings, forwardErrorCorrection: true, expectedLoss });
  await encoder.ready;
  const made = framesOf(pcm, settings.rate).map((frame) => {
    const packet = Buffer.alloc(longestPacket);
    return packet.subarray(0, encoder.encode(frame, packet));
  });
  encoder.close();
  return made;
}

/** libopus as its documentation wants it: a lost packet is made from the copy in the next one, or by concealment. */
async function decodeOpus(frames: Frames, rate: Rate): Promise<Int16Array> {
  const decoder = new OpusDecoder(rate);
  await decoder.ready;
  const samples = rate / 50;
  const out = new Int16Array(frames.length * samples);
  frames.forEach((frame, at) => {
    const next = frames[at + 1];
    if (frame instanceof Buffer) decoder.decode(frame, out, at * samples);
    else if (frame === 'lost' && next instanceof Buffer) decoder.recover(next, samples, out, at * samples);
    else decoder.conceal(samples, out, at * samples);
  });
  decoder.close();
  return out;
}

function encodeWaveform(pcm: Int16Array, codec: WaveformCodec): Buffer[] {
  const encoder = createAudioEncoder(codec);
  return framesOf(pcm, encoder.rate).map((frame) => {
    const packet = Buffer.alloc(160);
    encoder.encode(frame, packet);
    return packet;
  });
}

/** With the gateway's own concealment (G.711 appendix I): libopus has none for these codecs. */
function decodeWaveform(frames: Frames, codec: WaveformCodec): Int16Array {
  const decoder = createAudioDecoder(codec);
  const frameSize = decoder.rate / 50;
  const out = new Int16Array(frames.length * frameSize);
  frames.forEach((frame, at) => {
    if (frame instanceof Buffer) decoder.decode(frame, out, at * frameSize);
    else decoder.conceal(frameSize, out, at * frameSize);
  });
  return out;
}

function framesOf(pcm: Int16Array, rate: number): Int16Array[] {
  const frame = rate / 50;
  const count = Math.floor(pcm.length / frame);
  return Array.from({ length: count }, (_, at) => pcm.slice(at * frame, (at + 1) * frame));
}
