import { type AudioEncoder, type AudioRate, createAudioEncoder } from '../audio-codec.ts';
import { audioLevel, SILENCE_LEVEL, VoiceActivity } from '../audio-level.ts';
import { PacketBuffers } from './packet-buffers.ts';
import { RtpStream } from './rtp-stream.ts';

/** 20 ms of silence in Opus (CELT, full band), known since the first Opus tools: nothing needs to be encoded for it. */
const silentFrame = Buffer.from([0xf8, 0xff, 0xfe]);
const frameTicks = 960;
/** Silence is sent in full for this many frames, so that every receiver has faded out, and then once in as many. */
const silenceFrames = 10;
/**
 * The first silent frames after speech do not carry the level of silence, so that the bridge forwards them: a listener who gets
 * nothing at all would hear the last sound go on, which is how a decoder conceals a loss.
 */
const forwardedFrames = 3;

/**
 * The phone's voice on its way to the conference: mono Opus with in-band FEC, the audio level on every packet (RFC 6464). Level
 * 127 marks true silence only, because a videobridge drops such packets.
 */
export class BridgeSender {
  readonly stream: RtpStream;
  readonly #activity = new VoiceActivity();
  readonly #buffers = new PacketBuffers();
  #encoder: AudioEncoder | undefined;
  #silent = 0;

  constructor(payloadType: number, audioLevelId: number | undefined) {
    this.stream = new RtpStream(payloadType, audioLevelId ?? 0);
  }

  /** The rate of the frames to come. */
  setRate(rate: AudioRate): void {
    if (this.#encoder?.rate === rate) return;
    this.#encoder?.close();
    this.#encoder = createAudioEncoder('opus', { rate });
  }

  /** What the bridge reports to lose; the way from there to the listeners may lose more. */
  setExpectedLoss(percent: number): void {
    this.#encoder?.setExpectedLoss(Math.max(percent, 5));
  }

  /** Gives 20 ms, or `undefined` when the phone is silent, muted or held; `transmit` may change `packet` behind `length`. */
  send(frame: Int16Array | undefined, transmit: (packet: Buffer, length: number) => void): void {
    const level = frame === undefined ? SILENCE_LEVEL : audioLevel(frame);
    const isVoice = this.#activity.isVoice(level);
    if (frame === undefined || level === SILENCE_LEVEL || this.#encoder === undefined) {
      this.#sendSilence(transmit);
      return;
    }
    const packet = this.#buffers.take();
    const start = this.stream.begin(packet, level, isVoice);
    const bytes = this.#encoder.encode(frame, packet, start);
    if (bytes === 0) {
      this.#sendSilence(transmit);
      return;
    }
    this.#silent = 0;
    transmit(packet, start + bytes);
    this.stream.sent(bytes, frameTicks);
  }

  close(): void {
    this.#encoder?.close();
  }

  #sendSilence(transmit: (packet: Buffer, length: number) => void): void {
    this.#silent += 1;
    if (this.#silent > silenceFrames && this.#silent % silenceFrames !== 0) {
      this.stream.skip(frameTicks);
      return;
    }
    const packet = this.#buffers.take();
    const level = this.#silent <= forwardedFrames ? SILENCE_LEVEL - 1 : SILENCE_LEVEL;
    const start = this.stream.begin(packet, level, false);
    silentFrame.copy(packet, start);
    transmit(packet, start + silentFrame.length);
    this.stream.sent(silentFrame.length, frameTicks);
  }
}
