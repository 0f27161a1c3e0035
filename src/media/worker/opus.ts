import { fullEffort } from './encoding-effort.ts';
import {
  type Libopus,
  type LibopusDecoder,
  type LibopusEncoder,
  MAX_PACKET_MS,
  type OpusEncoderOptions,
  type OpusRate,
} from './libopus.ts';
import { loadSystemLibopus } from './libopus-native.ts';
import { loadBundledLibopus } from './libopus-wasm.ts';

export type { OpusEncoderOptions, OpusRate } from './libopus.ts';

/** Whose libopus: the system's when it has one (`auto`), or only one of the two. */
export type OpusLibrary = 'auto' | 'system' | 'bundled';

const defaultBitRates: Readonly<Record<OpusRate, number>> = { 8000: 16_000, 16000: 24_000, 48000: 32_000 };
let loading: Promise<Libopus> | undefined;

/**
 * Loads the library of this thread; later constructions are then ready before the next event. Answers the version. Throws when `system` is
 * asked for and there is none.
 */
export async function loadOpus(wanted: OpusLibrary = 'auto'): Promise<string> {
  loading = choose(wanted);
  return (await loading).version;
}

async function choose(wanted: OpusLibrary): Promise<Libopus> {
  const system = wanted === 'bundled' ? undefined : await loadSystemLibopus();
  if (system !== undefined) return system;
  if (wanted === 'system') throw new Error('this system has no libopus; Debian: apt-get install libopus0');
  return loadBundledLibopus();
}

function library(): Promise<Libopus> {
  loading ??= choose('auto');
  return loading;
}

/** The most complexity that encoders of this thread use from now on: fewer calls each sound a little better, more calls still fit. */
let effort = fullEffort;

export function encodingEffort(): number {
  return effort;
}

export function limitEncodingEffort(complexity: number): void {
  effort = complexity;
}

/**
 * Mono encoder. It can be used at once: until the module is there (`ready`), `encode` answers 0. Nothing throws.
 */
export class OpusEncoder {
  readonly rate: OpusRate;
  readonly ready: Promise<void>;
  /** Calls that libopus refused. */
  failures = 0;
  #handle: LibopusEncoder | undefined;
  #closed = false;
  #expectedLoss: number;
  #restarts = false;
  #bitRate: number;
  readonly #complexity: number;
  #effort = effort;

  constructor(options: OpusEncoderOptions) {
    this.rate = options.rate;
    this.#expectedLoss = options.expectedLoss ?? 5;
    this.#bitRate = options.bitRate ?? defaultBitRates[options.rate];
    this.#complexity = options.complexity ?? 5;
    this.ready = this.#open(options);
  }

  /** Encodes one frame of 10, 20, 40 or 60 ms into `out[at…)`; answers the number of bytes, 0 when it failed or is not ready. */
  encode(pcm: Int16Array, out: Buffer, at = 0): number {
    if (!this.#handle) return 0;
    try {
      if (effort !== this.#effort) this.#followEffort(this.#handle);
      const length = this.#handle.encode(pcm, out, at);
      if (this.#restarts) this.#predict(true);
      return length;
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
    this.#handle?.setExpectedLoss(this.#expectedLoss);
  }

  /** Bits in a second from now on. */
  setBitRate(bitRate: number): void {
    this.#bitRate = bitRate;
    this.#handle?.setBitRate(bitRate);
  }

  /** Frees the memory in the module. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#handle?.free();
    this.#handle = undefined;
  }

  #followEffort(handle: LibopusEncoder): void {
    this.#effort = effort;
    handle.setComplexity(Math.min(this.#complexity, effort));
  }

  #predict(on: boolean): void {
    this.#restarts = !on;
    this.#handle?.setPrediction(on);
  }

  async #open(options: OpusEncoderOptions): Promise<void> {
    const handle = await (await library())
      .createEncoder({
        rate: options.rate,
        bitRate: this.#bitRate,
        complexity: Math.min(this.#complexity, this.#effort),
        forwardErrorCorrection: options.forwardErrorCorrection ?? true,
        discontinuous: options.discontinuous ?? false,
        expectedLoss: this.#expectedLoss,
      })
      .catch(() => undefined);
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
  #handle: LibopusDecoder | undefined;
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
    return this.#run(packet, out, at, room, false);
  }

  /** Makes the `samples` that were lost before `next` from the copy in `next`, or by concealment when it has none. */
  recover(next: Uint8Array, samples: number, out: Int16Array, at = 0): number {
    if (next.length === 0) return this.conceal(samples, out, at);
    return this.#run(next, out, at, this.#concealable(samples), true);
  }

  /** Makes `samples` of plausible audio in place of a lost packet. */
  conceal(samples: number, out: Int16Array, at = 0): number {
    return this.#run(undefined, out, at, this.#concealable(samples), false);
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

  #run(
    packet: Uint8Array | undefined,
    out: Int16Array,
    at: number,
    samples: number,
    isRepair: boolean,
  ): number {
    try {
      return this.#handle?.decode(packet, out, at, samples, isRepair) ?? 0;
    } catch {
      this.failures += 1; // a malformed packet
      return 0;
    }
  }

  async #open(): Promise<void> {
    const handle = await (await library()).createDecoder(this.rate).catch(() => undefined);
    if (this.#closed) handle?.free();
    else this.#handle = handle;
  }
}
