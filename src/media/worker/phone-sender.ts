import type { Codec } from '../../config/config.ts';
import { type AudioEncoder, codecClockRates, codecRates, createAudioEncoder } from '../audio-codec.ts';
import type { DtmfStep } from '../dtmf-sender.ts';
import type { PhoneMedia } from '../media-engine.ts';
import { SilenceGate } from '../silence-gate.ts';
import type { EventPackets } from './event-packets.ts';
import { type EncodedFrame, isSilent, type Mix } from './mix.ts';
import { PacketBuffers } from './packet-buffers.ts';
import type { PhoneSrtp } from './phone-srtp.ts';
import type { RateMix } from './rate-mix.ts';
import { RtpStream } from './rtp-stream.ts';

/** Frames of Opus have one of these durations (RFC 6716 §2.1.4); 60 ms is the most that is asked for. */
const opusPacketMs = [10, 20, 40, 60];
const frameMs = 20;
/**
 * Codecs with memory: a phone that spoke, and so had an encoder for itself, goes back to the shared one when both have coded the
 * same for so many frames, because their states are alike by then.
 */
const framesAlike = 50;
/** The quietest level of comfort noise (RFC 3389 §3.1); who wants to hear that the line is open makes noise of his own. */
const noiseLevel = 127;

/** Takes `packet[0…length)`; it may be written again after that. */
export type Transmit = (packet: Buffer, length: number) => void;

/** What the phone hears: frames of 20 ms become packets of the duration that it asked for. */
export class PhoneSender {
  readonly stream: RtpStream;
  readonly #codec: Codec;
  readonly #srtp: PhoneSrtp;
  readonly #buffers = new PacketBuffers();
  readonly #queue: Int16Array;
  readonly #packetMs: number;
  readonly #packetSamples: number;
  /** For a phone that takes pauses. */
  readonly #gate: SilenceGate | undefined;
  readonly #comfortNoise: number | undefined;
  /** Undefined while the phone gets frames that others get as well. */
  #encoder: AudioEncoder | undefined;
  #room: RateMix | undefined;
  #expectedLoss = 5;
  #alike = 0;
  #queued = 0;

  /** `stream` goes on when the codec changes in mid-call: one SSRC, one sequence. */
  constructor(phone: PhoneMedia, stream: RtpStream | undefined, srtp: PhoneSrtp) {
    this.#codec = phone.codec;
    this.#srtp = srtp;
    this.stream = stream ?? new RtpStream(phone.sendPayloadType);
    this.stream.payloadType = phone.sendPayloadType;
    this.#packetMs = packetDuration(phone);
    this.#comfortNoise = phone.comfortNoise;
    if (phone.dtx === true || phone.comfortNoise !== undefined) this.#gate = new SilenceGate();
    this.#packetSamples = (codecRates[phone.codec] / 1000) * this.#packetMs;
    this.#queue = new Int16Array(this.#packetSamples + (codecRates[phone.codec] / 1000) * frameMs);
    if (this.#packetMs !== frameMs) this.#encoder = this.#newEncoder();
  }

  /** Takes 20 ms; `transmit` is called for each packet that is full. `room`: see PhoneLeg. */
  send(mix: Mix, room: RateMix | undefined, transmit: Transmit): void {
    this.#room = room;
    if (this.#packetMs !== frameMs) {
      this.#enqueue(mix.frame, transmit);
      return;
    }
    if (this.#gate !== undefined && !this.#passes(this.#gate, mix.isSilent, transmit)) return;
    const shared = this.#shared(mix, room);
    if (shared === undefined) this.#encode(mix.frame, transmit);
    else this.#copy(shared, transmit);
  }

  /** Sends 20 ms of a key in place of audio. Audio that waits for a full packet is given up. */
  sendEvent(step: DtmfStep, packets: EventPackets, transmit: Transmit): void {
    this.stream.skip(this.#ticks((this.#queued * 1000) / codecRates[this.#codec]));
    this.#queued = 0;
    packets.send(step, this.stream, this.#ticks(frameMs), this.#buffers.take(), (packet, length) =>
      this.#close(packet, length, transmit),
    );
  }

  /** 20 ms pass in which the phone gets nothing. */
  skip(): void {
    this.stream.skip(this.#ticks(frameMs));
  }

  /** What the phone reports to lose. */
  setExpectedLoss(percent: number): void {
    this.#expectedLoss = Math.max(percent, 5);
    this.#encoder?.setExpectedLoss(this.#expectedLoss);
    this.#room?.reportLoss(percent);
  }

  close(): void {
    this.#encoder?.close();
    this.#encoder = undefined;
  }

  /** False: the next packet is left out, or comfort noise has been sent in its place. */
  #passes(gate: SilenceGate, silent: boolean, transmit: Transmit): boolean {
    const passage = gate.next(silent, this.#packetMs);
    if (passage === 'skip') this.stream.skip(this.#ticks(this.#packetMs));
    if (passage !== 'comfort') return passage === 'send';
    this.stream.pause();
    if (this.#comfortNoise === undefined) return true;
    this.#sendNoise(this.#comfortNoise, transmit);
    return false;
  }

  #sendNoise(payloadType: number, transmit: Transmit): void {
    const packet = this.#buffers.take();
    const start = this.stream.beginEvent(packet, payloadType, this.stream.timestamp, false);
    packet[start] = noiseLevel;
    this.#close(packet, start + 1, transmit);
    this.stream.sent(1, this.#ticks(this.#packetMs));
  }

  #shared(mix: Mix, room: RateMix | undefined): EncodedFrame | undefined {
    const plain = mix.g711(this.#codec);
    if (plain !== undefined) return plain;
    this.#alike = mix.isEverything ? this.#alike + 1 : 0;
    if (this.#encoder !== undefined && this.#alike >= framesAlike) this.close();
    return this.#encoder === undefined ? room?.encoded(mix, this.#codec) : undefined;
  }

  #copy(frame: EncodedFrame, transmit: Transmit): void {
    if (frame.length === 0) {
      this.skip();
      return;
    }
    const packet = this.#buffers.take();
    const start = this.stream.begin(packet);
    frame.bytes.copy(packet, start, 0, frame.length);
    this.#close(packet, start + frame.length, transmit);
    this.stream.sent(frame.length, this.#ticks(frameMs));
  }

  #enqueue(frame: Int16Array, transmit: Transmit): void {
    this.#queue.set(frame, this.#queued);
    this.#queued += frame.length;
    while (this.#queued >= this.#packetSamples) {
      const packet = this.#queue.subarray(0, this.#packetSamples);
      if (this.#gate === undefined || this.#passes(this.#gate, isSilent(packet), transmit))
        this.#encode(packet, transmit);
      this.#queue.copyWithin(0, this.#packetSamples, this.#queued);
      this.#queued -= this.#packetSamples;
    }
  }

  #encode(pcm: Int16Array, transmit: Transmit): void {
    this.#encoder ??= this.#newEncoder();
    const packet = this.#buffers.take();
    const start = this.stream.begin(packet);
    const bytes = this.#encoder.encode(pcm, packet, start);
    if (bytes === 0) {
      this.stream.skip(this.#ticks(this.#packetMs));
      return;
    }
    this.#close(packet, start + bytes, transmit);
    this.stream.sent(bytes, this.#ticks(this.#packetMs));
  }

  #newEncoder(): AudioEncoder {
    const encoder = createAudioEncoder(this.#codec, { forwardErrorCorrection: true });
    encoder.setExpectedLoss(this.#expectedLoss);
    return encoder;
  }

  #ticks(ms: number): number {
    return (codecClockRates[this.#codec] / 1000) * ms;
  }

  #close(packet: Buffer, length: number, transmit: Transmit): void {
    const closed = this.#srtp.close(packet, length, false);
    if (closed !== undefined) transmit(packet, closed);
  }
}

function packetDuration({ codec, ptimeMs }: PhoneMedia): number {
  const wanted = Math.min(Math.max(Math.floor(ptimeMs / 10) * 10, 10), 60);
  if (codec !== 'opus') return Number.isNaN(wanted) ? 20 : wanted;
  return opusPacketMs.findLast((duration) => duration <= wanted) ?? 20;
}
