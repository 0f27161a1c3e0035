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

/** Longest packet of one frame (RFC 6716 §3.4), and longest packet in time. */
export const MAX_PACKET_BYTES = 1275;
export const MAX_PACKET_MS = 120;

/** An encoder of libopus, wherever that runs. Throws what libopus refuses. */
export interface LibopusEncoder {
  /** Writes a packet to `out[at…)`; its length. */
  encode(pcm: Int16Array, out: Buffer, at: number): number;
  /** 0…10 */
  setComplexity(complexity: number): void;
  setBitRate(bitsPerSecond: number): void;
  setExpectedLoss(percent: number): void;
  /** Whether frames may lean on those before them. */
  setPrediction(on: boolean): void;
  free(): void;
}

/** A mono decoder of libopus. Throws what libopus refuses. */
export interface LibopusDecoder {
  /**
   * Writes `samples` at most to `out[at…)`; how many. `packet` undefined: conceals exactly `samples`; `isRepair`: makes the `samples`
   * before `packet` from the copy in it.
   */
  decode(
    packet: Uint8Array | undefined,
    out: Int16Array,
    at: number,
    samples: number,
    isRepair: boolean,
  ): number;
  free(): void;
}

/** One build of libopus. */
export interface Libopus {
  /** As the library itself says it, with where it is from. */
  readonly version: string;
  createEncoder(options: Required<OpusEncoderOptions>): Promise<LibopusEncoder>;
  createDecoder(rate: OpusRate): Promise<LibopusDecoder>;
}
