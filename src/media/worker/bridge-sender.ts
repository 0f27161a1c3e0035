import { type AudioEncoder, type AudioRate, createAudioEncoder } from '../audio-codec.ts';
import { audioLevel, SILENCE_LEVEL, VoiceActivity } from '../audio-level.ts';
import type { Digit } from '../dtmf-event.ts';
import { DtmfSender } from '../dtmf-sender.ts';
import { PauseDetector } from '../pause-detector.ts';
import { EventPackets } from './event-packets.ts';
import { PacketBuffers } from './packet-buffers.ts';
import { RtpStream } from './rtp-stream.ts';

/** 20 ms of silence in Opus (CELT, full band), known since the first Opus tools: nothing needs to be encoded for it. */
const silentFrame = Buffer.from([0xf8, 0xff, 0xfe]);
const frameTicks = 960;
/** Jitsi offers `telephone-event/8000` beside Opus. */
const eventClockRate = 8000;
/** Silence is sent in full for this many frames, so that every receiver has faded out, and then once in as many. */
const silenceFrames = 10;
/**
 * The first silent frames after speech do not carry the level of silence, so that the bridge forwards them: a listener who gets
 * nothing at all would hear the last sound go on, which is how a decoder conceals a loss.
 */
const forwardedFrames = 3;
/** Of those, how many the encoder makes. */
const tailFrames = 1;

/**
 * The phone's voice on its way to the conference: mono Opus with in-band FEC, the audio level on every packet (RFC 6464). Level
 * 127 marks true silence only, because a videobridge drops such packets.
 */
export class BridgeSender {
  readonly stream: RtpStream;
  readonly #activity = new VoiceActivity();
  readonly #buffers = new PacketBuffers();
  readonly #pauses = new PauseDetector();
  readonly #digits = new DtmfSender(eventClockRate);
  #events: EventPackets | undefined;
  #encoder: AudioEncoder | undefined;
  #silent = 0;
  #silence = new Int16Array(0);
  /** First byte of the last packet (RFC 6716 §3.1). */
  #toc = 0;
  #isPausing = false;

  constructor(payloadType: number, audioLevelId: number | undefined, eventPayloadType?: number) {
    this.stream = new RtpStream(payloadType, audioLevelId ?? 0);
    if (eventPayloadType !== undefined) this.#events = new EventPackets(eventPayloadType);
  }

  /** Queues a digit; false when the bridge did not offer telephone-events. */
  sendDigit(digit: Digit): boolean {
    return this.#events !== undefined && this.#digits.add(digit);
  }

  /** The rate of the frames to come. */
  setRate(rate: AudioRate): void {
    if (this.#encoder?.rate === rate) return;
    this.#encoder?.close();
    this.#encoder = createAudioEncoder('opus', { rate });
    this.#silence = new Int16Array(rate / 50);
    this.#isPausing = true;
  }

  /** What the bridge reports to lose; the way from there to the listeners may lose more. */
  setExpectedLoss(percent: number): void {
    this.#encoder?.setExpectedLoss(Math.max(percent, 5));
  }

  /** Gives 20 ms, or `undefined` when the phone is silent, muted or held; `transmit` may change `packet` behind `length`. */
  send(frame: Int16Array | undefined, transmit: (packet: Buffer, length: number) => void): void {
    const step = this.#digits.next();
    if (step !== undefined && this.#events !== undefined) {
      this.#events.send(step, this.stream, frameTicks, this.#buffers.take(), transmit);
      return;
    }
    const level = frame === undefined ? SILENCE_LEVEL : audioLevel(frame);
    const isVoice = this.#activity.isVoice(level);
    if (frame === undefined || level === SILENCE_LEVEL || this.#encoder === undefined) {
      if (!this.#sendTail(transmit)) this.#sendSilence(transmit);
      return;
    }
    this.#silent = 0;
    const action = this.#pauses.next(level, isVoice);
    if (action === 'send') this.#sendVoice(this.#encoder, frame, level, isVoice, transmit);
    else if (action === 'begin') this.#sendPause(level, transmit);
    else this.stream.skip(frameTicks);
  }

  close(): void {
    this.#encoder?.close();
  }

  #sendVoice(
    encoder: AudioEncoder,
    frame: Int16Array,
    level: number,
    isVoice: boolean,
    transmit: (packet: Buffer, length: number) => void,
  ): void {
    const packet = this.#buffers.take();
    const start = this.stream.begin(packet, level, isVoice);
    // The listener's decoder went through the pause on its own.
    if (this.#isPausing) encoder.restartPrediction();
    this.#isPausing = false;
    const bytes = encoder.encode(frame, packet, start);
    if (bytes === 0) {
      this.stream.skip(frameTicks);
      return;
    }
    this.#toc = packet[start] as number;
    transmit(packet, start + bytes);
    this.stream.sent(bytes, frameTicks);
  }

  /** A packet that is nothing but a TOC byte tells the decoder that a pause begins; it makes the noise of the background itself then. */
  #sendPause(level: number, transmit: (packet: Buffer, length: number) => void): void {
    const packet = this.#buffers.take();
    const start = this.stream.begin(packet, level, false);
    packet[start] = this.#toc & 0xfc; // one frame
    this.#isPausing = true;
    transmit(packet, start + 1);
    this.stream.sent(1, frameTicks);
  }

  /**
   * Right after a voice: the encoder holds some milliseconds of it back. They belong here, not before the next word. False when there is
   * no tail to send.
   */
  #sendTail(transmit: (packet: Buffer, length: number) => void): boolean {
    const encoder = this.#encoder;
    if (encoder === undefined || this.#isPausing || this.#silent >= tailFrames) return false;
    this.#silent += 1;
    this.#sendVoice(encoder, this.#silence, SILENCE_LEVEL - 1, false, transmit);
    return true;
  }

  #sendSilence(transmit: (packet: Buffer, length: number) => void): void {
    this.#silent += 1;
    this.#isPausing = true;
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
