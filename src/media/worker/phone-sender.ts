import { type AudioEncoder, createAudioEncoder } from '../audio-codec.ts';
import type { PhoneMedia } from '../media-engine.ts';
import { PacketBuffers } from './packet-buffers.ts';
import { RtpStream } from './rtp-stream.ts';

/** Frames of Opus have one of these durations (RFC 6716 §2.1.4); 60 ms is the most that is asked for. */
const opusPacketMs = [10, 20, 40, 60];

/** What the phone hears: frames of 20 ms become packets of the duration that it asked for. */
export class PhoneSender {
  readonly stream: RtpStream;
  readonly #encoder: AudioEncoder;
  readonly #buffers = new PacketBuffers();
  readonly #queue: Int16Array;
  readonly #packetSamples: number;
  readonly #packetTicks: number;
  #queued = 0;

  /** `stream` goes on when the codec changes in mid-call: one SSRC, one sequence. */
  constructor(phone: PhoneMedia, stream: RtpStream | undefined) {
    this.#encoder = createAudioEncoder(phone.codec, { forwardErrorCorrection: true });
    this.stream = stream ?? new RtpStream(phone.sendPayloadType);
    this.stream.payloadType = phone.sendPayloadType;
    const packetMs = packetDuration(phone);
    this.#packetSamples = (this.#encoder.rate / 1000) * packetMs;
    this.#packetTicks = (this.#encoder.clockRate / 1000) * packetMs;
    this.#queue = new Int16Array(this.#packetSamples + (this.#encoder.rate / 1000) * 20);
  }

  /** Takes 20 ms; `transmit` is called for each packet that is full. */
  send(frame: Int16Array, transmit: (packet: Buffer) => void): void {
    this.#queue.set(frame, this.#queued);
    this.#queued += frame.length;
    while (this.#queued >= this.#packetSamples) {
      this.#sendPacket(this.#queue.subarray(0, this.#packetSamples), transmit);
      this.#queue.copyWithin(0, this.#packetSamples, this.#queued);
      this.#queued -= this.#packetSamples;
    }
  }

  /** 20 ms pass in which the phone gets nothing. */
  skip(): void {
    this.stream.skip((this.#encoder.clockRate / 1000) * 20);
  }

  /** What the phone reports to lose. */
  setExpectedLoss(percent: number): void {
    this.#encoder.setExpectedLoss(Math.max(percent, 5));
  }

  close(): void {
    this.#encoder.close();
  }

  #sendPacket(pcm: Int16Array, transmit: (packet: Buffer) => void): void {
    const packet = this.#buffers.take();
    const start = this.stream.begin(packet);
    const bytes = this.#encoder.encode(pcm, packet, start);
    if (bytes === 0) {
      this.stream.skip(this.#packetTicks);
      return;
    }
    transmit(packet.subarray(0, start + bytes));
    this.stream.sent(bytes, this.#packetTicks);
  }
}

function packetDuration({ codec, ptimeMs }: PhoneMedia): number {
  const wanted = Math.min(Math.max(Math.floor(ptimeMs / 10) * 10, 10), 60);
  if (codec !== 'opus') return Number.isNaN(wanted) ? 20 : wanted;
  return opusPacketMs.findLast((duration) => duration <= wanted) ?? 20;
}
