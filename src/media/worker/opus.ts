import {
  Application,
  createDecoder,
  createEncoder,
  EncoderCtl,
  loadLibopus,
  type OpusDecoderHandle,
  type OpusEncoderHandle,
} from 'libopus-wasm';

/** Rates at which Opus takes and gives samples here, whatever the rate of the other end: so nothing is ever resampled. */
export type OpusRate = 8000 | 16000 | 48000;

export interface OpusEncoderOptions {
  readonly rate: OpusRate;
  /** Bits in a second; by default 16 000, 24 000 or 32 000 by rate. */
  readonly bitRate?: number;
  /** 0…10, default 5. */
  readonly complexity?: number;
  /** In-band forward error correction, default true. */
  readonly forwardErrorCorrection?: boolean;
  /** Discontinuous transmission, default false: then silence gives packets of one or two bytes that need not be sent. */
  readonly discontinuous?: boolean;
  /** Packets that the receiver is expected to lose, percent, default 5. */
  readonly expectedLoss?: number;
}

const defaultBitRates: Readonly<Record<OpusRate, number>> = { 8000: 16_000, 16000: 24_000, 48000: 32_000 };
const MAX_PACKET_BYTES = 1275;
const MAX_PACKET_MS = 120;

/** Loads the WebAssembly module of this thread; later constructions are then ready before the next event. Answers the version. */
export async function loadOpus(): Promise<string> {
  return (await loadLibopus()).version;
}

/**
 * Mono encoder. It can be used at once: until the module is there (`ready`), `encode` answers 0. Nothing throws.
 */
export class OpusEncoder {
  readonly rate: OpusRate;
  readonly ready: Promise<void>;
  /** Calls that libopus refused. */
  failures = 0;
  #handle: OpusEncoderHandle | undefined;
  #closed = false;
  #expectedLoss: number;
  #restarts = false;
  #bitRate: number;

  constructor(options: OpusEncoderOptions) {
    this.rate = options.rate;
    this.#expectedLoss = options.expectedLoss ?? 5;
    this.#bitRate = options.bitRate ?? defaultBitRates[options.rate];
    this.ready = this.#open(options);
  }

  /** Encodes one frame of 10, 20, 40 or 60 ms into `out[at…)`; answers the number of bytes, 0 when it failed or is not ready. */
  encode(pcm: Int16Array, out: Buffer, at = 0): number {
    if (!this.#handle) return 0;
    try {
      const maxPacketBytes = Math.min(MAX_PACKET_BYTES, out.length - at);
      const packet = this.#handle.encode(pcm, { frameSize: pcm.length, maxPacketBytes });
      if (this.#restarts) this.#predict(true);
      out.set(packet, at);
      return packet.length;
    } catch {
      this.failures += 1;
      return 0;
    }
  }

  /** The next frame is coded without prediction from those before it. */
  restartPrediction(): void {
    if (!this.#restarts) this.#predict(false);
  }

  /** What the receiver reports to lose (RTCP), percent; more of it makes more room for repair. */
  setExpectedLoss(percent: number): void {
    this.#expectedLoss = Math.max(0, Math.min(100, Math.round(percent)));
    this.#handle?.setPacketLossPercent(this.#expectedLoss);
  }

  /** Bits in a second from now on. */
  setBitRate(bitRate: number): void {
    this.#bitRate = bitRate;
    this.#handle?.setBitrate(bitRate);
  }

  /** Frees the memory in the module. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#handle?.free();
    this.#handle = undefined;
  }

  #predict(on: boolean): void {
    this.#restarts = !on;
    this.#handle?.encoderCtl(EncoderCtl.SetPredictionDisabled, on ? 0 : 1);
  }

  async #open(options: OpusEncoderOptions): Promise<void> {
    const handle = await createEncoder({
      sampleRate: options.rate,
      channels: 1,
      application: Application.Voip,
      bitrate: this.#bitRate,
      complexity: options.complexity ?? 5,
      fec: options.forwardErrorCorrection ?? true,
      dtx: options.discontinuous ?? false,
      packetLossPercent: this.#expectedLoss,
    }).catch(() => undefined);
    if (this.#closed) handle?.free();
    else this.#handle = handle;
    this.setExpectedLoss(this.#expectedLoss);
    this.setBitRate(this.#bitRate);
  }
}

/**
 * Mono decoder of one source (stereo packets are mixed down by libopus). It can be used at once: until the module is there
 * (`ready`), everything answers 0 samples. Nothing throws on packets.
 */
export class OpusDecoder {
  readonly rate: OpusRate;
  readonly ready: Promise<void>;
  failures = 0;
  #handle: OpusDecoderHandle | undefined;
  #closed = false;

  constructor(rate: OpusRate) {
    this.rate = rate;
    this.ready = this.#open();
  }

  /** Decodes a packet (up to 120 ms) into `out[at…)`; answers the number of samples, 0 when it is malformed or does not fit. */
  decode(packet: Uint8Array, out: Int16Array, at = 0): number {
    if (packet.length === 0) return 0;
    const room = Math.min(out.length - at, (this.rate / 1000) * MAX_PACKET_MS);
    if (room <= 0) return 0;
    return this.#run(out, at, (handle) => handle.decode(packet, { maxFrameSize: room }));
  }

  /** Makes the `samples` that were lost before `next` from the copy in `next`, or by concealment when it has none. */
  recover(next: Uint8Array, samples: number, out: Int16Array, at = 0): number {
    if (next.length === 0) return this.conceal(samples, out, at);
    const frameSize = this.#concealable(samples);
    return this.#run(out, at, (handle) => handle.decode(next, { decodeFec: true, frameSize }));
  }

  /** Makes `samples` of plausible audio in place of a lost packet. */
  conceal(samples: number, out: Int16Array, at = 0): number {
    const frameSize = this.#concealable(samples);
    return this.#run(out, at, (handle) => handle.decodePacketLoss(frameSize));
  }

  /** Frees the memory in the module. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#handle?.free();
    this.#handle = undefined;
  }

  /** libopus conceals in steps of 2.5 ms. */
  #concealable(samples: number): number {
    const step = this.rate / 400;
    return Math.max(step, Math.round(samples / step) * step);
  }

  #run(out: Int16Array, at: number, decode: (handle: OpusDecoderHandle) => Int16Array): number {
    if (!this.#handle) return 0;
    try {
      const pcm = decode(this.#handle);
      if (at + pcm.length > out.length) return 0;
      out.set(pcm, at);
      return pcm.length;
    } catch {
      this.failures += 1; // a malformed packet
      return 0;
    }
  }

  async #open(): Promise<void> {
    const handle = await createDecoder({ sampleRate: this.rate, channels: 1 }).catch(() => undefined);
    if (this.#closed) handle?.free();
    else this.#handle = handle;
  }
}
