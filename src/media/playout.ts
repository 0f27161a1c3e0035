import type { AudioDecoder, AudioRate } from './audio-coding.ts';
import { JitterBuffer } from './jitter-buffer.ts';
import type { RtpHeader } from './rtp.ts';
import { LENGTHEN_PAST_MS, lengthen, SHORTEN_NEEDS_MS, shorten } from './time-scale.ts';

const TICK_MS = 20;
/** Longest packet, what may be left over from the one before, and what is made of both. */
const QUEUE_MS = 120 + 3 * TICK_MS + LENGTHEN_PAST_MS;
/** What `read` works in: the same memory for all sources of a thread, since hardly any has something left from one `read` to the next. */
const workbenches = new Map<AudioRate, Int16Array>();
/** Mean magnitude of samples, about −50 dBov. */
const QUIET_MAGNITUDE = 80;
/** Pieces that one tick may take from the jitter buffer; only hostile packets need more. */
const MAX_PIECES = 12;

/**
 * One source from packets to 20 ms frames: jitter buffer, decoder, repair of losses; and pitch periods repeated when packets begin to
 * come later than they are waited for, or left out when the stream is further behind than its jitter asks for.
 */
export class Playout {
  readonly buffer: JitterBuffer;
  /** Samples in a frame of `read`. */
  readonly frameLength: number;
  /** Frames that were made wholly or partly in place of lost audio. */
  framesConcealed = 0;
  /** Losses that were restored from the copy in the packet behind them (Opus in-band FEC). */
  framesRecovered = 0;
  /** Least slack (JitterBuffer) of the packets that the last `read` took; NaN when it took none. */
  slackMs = Number.NaN;
  /** Packets that the decoder refused. */
  malformed = 0;
  readonly #decoder: AudioDecoder;
  readonly #queue: Int16Array;
  /** What is queued from one `read` to the next: mostly nothing, when a packet lasts as long as a frame. */
  #left: Int16Array | undefined;
  readonly #samplesPerTick: number;
  #queued = 0;
  /** The frames of this `read` are to last longer. */
  #stretches = false;

  /** The decoder is this source's alone; `close` closes it. `forwardErrorCorrection`: see JitterBufferOptions. */
  constructor(decoder: AudioDecoder, forwardErrorCorrection = decoder.clockRate === 48000) {
    this.#decoder = decoder;
    this.buffer = new JitterBuffer({ clockRate: decoder.clockRate, forwardErrorCorrection });
    this.#samplesPerTick = decoder.rate / decoder.clockRate;
    this.frameLength = (decoder.rate / 1000) * TICK_MS;
    this.#queue = workbench(decoder.rate);
  }

  /** Delay that buffering adds now. */
  get bufferMs(): number {
    return this.buffer.bufferMs + (this.#queued / this.frameLength) * TICK_MS;
  }

  /** Ticks of the RTP clock in a second. */
  get clockRate(): number {
    return this.#decoder.clockRate;
  }

  /** Takes a packet as `parseRtp` read it; it is kept until it is played. False when it was dropped or set aside. */
  push(header: RtpHeader, packet: Buffer, arrivalMs: number): boolean {
    const payload = packet.subarray(header.payloadStart, header.payloadEnd);
    return this.buffer.push(
      header.sequence,
      header.timestamp,
      this.#decoder.ticks(payload),
      payload,
      arrivalMs,
    );
  }

  /** Writes the next 20 ms to `out`. False when there is only silence; `out` is all zeros then. */
  read(nowMs: number, out: Int16Array): boolean {
    let sounding = this.#queued > 0;
    if (this.#left !== undefined && sounding) this.#queue.set(this.#left);
    let concealed = false;
    this.slackMs = Number.NaN;
    this.#stretches = false;
    for (let piece = 0; piece < MAX_PIECES && this.#queued < this.frameLength; piece++) {
      const kind = this.#pull(nowMs);
      sounding ||= kind === 'frame' || kind === 'lost';
      concealed ||= kind === 'lost';
    }
    if (concealed) this.framesConcealed += 1;
    if (this.#stretches) this.#stretch();
    const surplusMs = concealed ? 0 : this.buffer.takeSurplus(this.#isQuiet);
    if (surplusMs > 0) this.#catchUp(nowMs);
    this.#take(out);
    return sounding;
  }

  /** The source, or its format, changes. */
  reset(): void {
    this.buffer.reset();
    this.#queued = 0;
  }

  close(): void {
    this.#decoder.close();
  }

  #pull(nowMs: number): 'frame' | 'lost' | 'silence' | 'empty' {
    const pull = this.buffer.pull(nowMs, this.#queued / this.#samplesPerTick);
    const samples = Math.min(
      Math.round(pull.ticks * this.#samplesPerTick),
      this.#queue.length - this.#queued,
    );
    switch (pull.kind) {
      case 'frame':
        if (this.#queued < this.frameLength) this.#noteSlack();
        this.#stretches ||= pull.stretch;
        this.#queued += this.#decode(pull.payload, samples);
        break;
      case 'lost':
        this.#queued += this.#repair(pull.next, samples);
        break;
      default:
        this.#queue.fill(0, this.#queued, this.#queued + samples);
        this.#queued += samples;
    }
    return pull.kind;
  }

  #noteSlack(): void {
    const { slackMs } = this.buffer;
    if (!(slackMs > this.slackMs)) this.slackMs = slackMs;
  }

  #decode(payload: Buffer | undefined, samples: number): number {
    const decoded = payload === undefined ? 0 : this.#decoder.decode(payload, this.#queue, this.#queued);
    if (decoded > 0) return decoded;
    this.malformed += 1;
    return this.#repair(undefined, samples);
  }

  #repair(next: Buffer | undefined, samples: number): number {
    const decoder = this.#decoder;
    const recovered = next === undefined ? 0 : decoder.recover(next, samples, this.#queue, this.#queued);
    if (recovered > 0) {
      this.framesRecovered += 1;
      return recovered;
    }
    const made = decoder.conceal(samples, this.#queue, this.#queued);
    if (made > 0) return made;
    this.#queue.fill(0, this.#queued, this.#queued + samples);
    return samples;
  }

  /** What is queued is a pause of the voice. */
  readonly #isQuiet = (): boolean => {
    let sum = 0;
    for (let at = 0; at < this.#queued; at++) sum += Math.abs(this.#queue[at] as number);
    return sum < this.#queued * QUIET_MAGNITUDE;
  };

  /** One `read` more can do without a packet: so those to come are waited for 20 ms longer. */
  #stretch(): void {
    const wanted = (Math.floor(this.#queued / this.frameLength) + 1) * this.frameLength;
    this.#queued = lengthen(this.#queue, this.#queued, wanted, this.#decoder.rate);
  }

  /** Leaves out one pitch period; needs more than a frame in the queue for that. */
  #catchUp(nowMs: number): void {
    const needed = (this.#decoder.rate / 1000) * (SHORTEN_NEEDS_MS + TICK_MS);
    while (this.#queued < needed && this.buffer.hasNext()) {
      const before = this.#queued;
      if (this.#pull(nowMs) !== 'frame' || this.#queued === before) break;
    }
    const shortened = shorten(this.#queue, this.#queued, this.#decoder.rate);
    if (shortened >= this.frameLength) this.#queued = shortened;
  }

  /** Copies by hand: for a frame that costs less than a view and a call. */
  #take(out: Int16Array): void {
    const queue = this.#queue;
    const available = Math.min(this.#queued, this.frameLength);
    for (let at = 0; at < available; at++) out[at] = queue[at] as number;
    if (available < this.frameLength) out.fill(0, available);
    this.#queued -= available;
    if (this.#queued > 0) this.#keep(queue.subarray(available, available + this.#queued));
  }

  #keep(samples: Int16Array): void {
    this.#left ??= new Int16Array(this.#queue.length);
    this.#left.set(samples);
  }
}

function workbench(rate: AudioRate): Int16Array {
  let pcm = workbenches.get(rate);
  if (pcm === undefined) {
    pcm = new Int16Array((rate / 1000) * QUEUE_MS);
    workbenches.set(rate, pcm);
  }
  return pcm;
}
