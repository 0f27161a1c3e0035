import type { Codec } from '../config/config.ts';

/** What one direction of a call suffered. */
export interface Impairments {
  readonly codec: Codec;
  /** From mouth to ear, ms, as far as we know it. */
  readonly delayMs: number;
  /** Part of the packets that were lost or too late, 0…1. */
  readonly loss: number;
  /** How much longer than by chance the runs of lost packets are (ITU-T G.107 §3.5), 1 by default. */
  readonly burstRatio?: number;
}

/** Transmission rating without any impairment but those of the telephone itself: the defaults of ITU-T G.107 table 2. */
const bestRating = 93.2;
/**
 * Impairment of the codec, and its robustness against loss: G.113 appendix I for G.711 with concealment; for the others, which G.107
 * does not know at narrow band, values that fit its scale (in-band FEC makes Opus robust).
 */
const codecs: Readonly<Record<Codec, { readonly impairment: number; readonly robustness: number }>> = {
  PCMU: { impairment: 0, robustness: 25.1 },
  PCMA: { impairment: 0, robustness: 25.1 },
  G722: { impairment: 0, robustness: 19 },
  opus: { impairment: 0, robustness: 30 },
};
/** G.107 §3.4 in the usual approximation: beyond this delay conversation suffers. */
const noticedDelayMs = 177.3;

/** The rating R of the E-model (ITU-T G.107), 0…93.2. */
export function rating({ codec, delayMs, loss, burstRatio = 1 }: Impairments): number {
  const { impairment, robustness } = codecs[codec];
  const percent = Math.min(Math.max(loss, 0), 1) * 100;
  const lossy = percent === 0 ? 0 : percent / (percent / Math.max(burstRatio, 1) + robustness);
  const delay = Math.max(delayMs, 0);
  const slow = 0.024 * delay + (delay > noticedDelayMs ? 0.11 * (delay - noticedDelayMs) : 0);
  return Math.max(0, bestRating - slow - (impairment + (95 - impairment) * lossy));
}

/** The mean opinion score that a rating stands for (G.107 annex B): 1 (bad) to 4.5. */
export function opinionScore(r: number): number {
  if (r <= 0) return 1;
  if (r >= 100) return 4.5;
  return Math.max(1, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6);
}

/** What is known of the packets of one direction. */
export interface Reception {
  readonly codec: Codec;
  readonly packetsReceived: number;
  readonly packetsLost: number;
  readonly packetsLate: number;
  readonly bufferMs: number;
  readonly roundTripMs: number | undefined;
}

/** A packet of 20 ms, and as much for coding and mixing. */
const ownDelayMs = 40;

/** The score of what was received so far; undefined when that is nothing. */
export function scoreOf(reception: Reception): number | undefined {
  const { codec, packetsReceived, packetsLost, packetsLate, bufferMs, roundTripMs = 0 } = reception;
  if (packetsReceived === 0) return undefined;
  const lost = Math.max(packetsLost, 0);
  const loss = (lost + packetsLate) / (packetsReceived + lost);
  return opinionScore(rating({ codec, loss, delayMs: ownDelayMs + bufferMs + roundTripMs / 2 }));
}
