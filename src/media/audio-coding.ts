/** Rates at which audio is mixed. */
export type AudioRate = 8000 | 16000 | 48000;

/** Decodes the packets of one source. Nothing throws on packets. */
export interface AudioDecoder {
  /** Samples in a second of what it gives. */
  readonly rate: AudioRate;
  /** Ticks in a second of the RTP timestamp: 8000 for G.722 too, although it has 16 000 samples (RFC 3551 §4.5.2). */
  readonly clockRate: number;
  /** Duration of a packet in RTP ticks, before decoding; 0 when it is none of this codec. */
  ticks(payload: Uint8Array): number;
  /** Decodes into `out[at…)`; answers the number of samples, 0 when the packet is malformed or does not fit. */
  decode(payload: Uint8Array, out: Int16Array, at?: number): number;
  /** Makes `samples` in place of what was lost. Answers how many it made: nearly always `samples`. */
  conceal(samples: number, out: Int16Array, at?: number): number;
  /** Restores what was lost from the copy in the packet that follows it. Answers 0 when that holds none: then `conceal`. */
  recover(next: Uint8Array, samples: number, out: Int16Array, at?: number): number;
  close(): void;
}

export interface AudioEncoder {
  /** Samples in a second of what it takes. */
  readonly rate: AudioRate;
  readonly clockRate: number;
  /** Encodes a frame (Opus: 10, 20, 40 or 60 ms; others: any) into `out[at…)`; answers the number of bytes, 0 when it failed. */
  encode(pcm: Int16Array, out: Buffer, at?: number): number;
  /** The next frame shall not lean on those before it: the receiver may not know them. */
  restartPrediction(): void;
  /** What the receiver reports to lose, percent. */
  setExpectedLoss(percent: number): void;
  close(): void;
}
