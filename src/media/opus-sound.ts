/** A recording as Opus packets: it can be decoded at the rate of any leg, so nothing is resampled. */
export interface OpusSound {
  readonly packets: readonly Buffer[];
  /** Samples of 48 kHz to leave out at the beginning (RFC 7845 §4.2), and how many there are then. */
  readonly preSkip: number;
  readonly samples: number;
}
