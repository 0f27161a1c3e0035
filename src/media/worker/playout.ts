import type { AudioDecoder } from '../audio-codec.ts';
import { JitterBuffer, type Pull } from '../jitter-buffer.ts';
import type { RtpHeader } from '../rtp.ts';

/** Longest packet, and what may be left over from the one before. */
const queueMs = 160;
const frameMs = 20;
/** Pulls that one frame can need; a source of 10 ms packets needs two. */
const maximumPulls = 8;
const fadeMs = 2.5;

/** One source on its way from packets to frames of 20 ms: jitter buffer, decoder, concealment, and the drift of its clock. */
export class Playout {
  readonly buffer: JitterBuffer;
  readonly decoder: AudioDecoder;
  /** Samples in a frame. */
  readonly frameLength: number;
  /** Least slack (JitterBuffer) of the packets that the last `read` took; NaN when it took none. */
  slackMs = Number.NaN;
  readonly #queue: Int16Array;
  #start = 0;
  #end = 0;

  constructor(decoder: AudioDecoder, forwardErrorCorrection: boolean) {
    this.decoder = decoder;
    this.buffer = new JitterBuffer({ clockRate: decoder.clockRate, forwardErrorCorrection });
    this.frameLength = (decoder.rate / 1000) * frameMs;
    this.#queue = new Int16Array((decoder.rate / 1000) * queueMs);
  }

  /** Takes a packet; `packet` is kept until it is played. */
  push(header: RtpHeader, packet: Buffer, nowMs: number): void {
    const payload = packet.subarray(header.payloadStart, header.payloadEnd);
    this.buffer.push(header.sequence, header.timestamp, this.decoder.ticks(payload), payload, nowMs);
  }

  /** Fills `frame`. False when the source is silent: then the frame is not to be used. */
  read(nowMs: number, frame: Int16Array): boolean {
    let heard = this.#end > this.#start;
    this.slackMs = Number.NaN;
    for (let pulls = 0; this.#queued < this.frameLength && pulls < maximumPulls; pulls += 1) {
      heard = this.#append(nowMs) || heard;
    }
    this.#dropSurplus(nowMs);
    const length = Math.min(this.#queued, this.frameLength);
    frame.set(this.#queue.subarray(this.#start, this.#start + length));
    if (length < this.frameLength) frame.fill(0, length, this.frameLength);
    this.#start += length;
    return heard;
  }

  close(): void {
    this.decoder.close();
  }

  get #queued(): number {
    return this.#end - this.#start;
  }

  /** Decodes the next piece behind what is queued. False for silence. */
  #append(nowMs: number): boolean {
    this.#queue.copyWithin(0, this.#start, this.#end);
    this.#end -= this.#start;
    this.#start = 0;
    const { rate, clockRate } = this.decoder;
    const pull = this.buffer.pull(nowMs, Math.round((this.#end * clockRate) / rate));
    const wanted = Math.min(
      Math.max(Math.round((pull.ticks * rate) / clockRate), 1),
      this.#queue.length - this.#end,
    );
    const made = this.#decode(pull, wanted);
    if (made > 0) {
      this.#end += made;
      return true;
    }
    this.#queue.fill(0, this.#end, this.#end + wanted);
    this.#end += wanted;
    return false;
  }

  #decode(pull: Pull, wanted: number): number {
    if (pull.kind === 'frame' && pull.payload) {
      this.#noteSlack();
      return this.decoder.decode(pull.payload, this.#queue, this.#end);
    }
    if (pull.kind !== 'lost') return 0;
    return pull.next
      ? this.decoder.recover(pull.next, wanted, this.#queue, this.#end)
      : this.decoder.conceal(wanted, this.#queue, this.#end);
  }

  #noteSlack(): void {
    const { slackMs } = this.buffer;
    if (!(slackMs > this.slackMs)) this.slackMs = slackMs;
  }

  /** The source's clock is faster than ours, or a wave of jitter has passed: leaves out a piece, with a cross-fade. */
  #dropSurplus(nowMs: number): void {
    const surplusMs = this.buffer.takeSurplus();
    if (surplusMs <= 0 || !this.buffer.hasNext()) return;
    this.#append(nowMs);
    const perMs = this.decoder.rate / 1000;
    const fade = fadeMs * perMs;
    const piece = Math.floor(Math.min(surplusMs * perMs, this.#queued - this.frameLength - fade));
    if (piece <= 0) return;
    const [from, to] = [this.#start, this.#start + piece];
    for (let at = 0; at < fade; at += 1) {
      const weight = (at + 1) / (fade + 1);
      const [before, after] = [this.#queue[from + at] ?? 0, this.#queue[to + at] ?? 0];
      this.#queue[to + at] = Math.round(before * (1 - weight) + after * weight);
    }
    this.#start = to;
  }
}
