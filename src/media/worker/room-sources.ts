import type { AudioRate } from '../audio-codec.ts';
import { Loudest } from '../loudest.ts';
import type { SourceStatistics } from '../media-engine.ts';
import type { RtpHeader } from '../rtp.ts';
import { MAX_VOICES, RateMix, type Voice } from './rate-mix.ts';
import { RoomSource } from './room-source.ts';

/** A source that is not among the loudest for this long gives its decoders back. */
const decoderIdleMs = 30_000;
/** A rate at which nobody has listened for this long is no longer decoded to. */
const rateIdleMs = 10_000;
/** Frames that nobody wanted for this long are not played any more. */
const unreadMs = 100;
const housekeepingMs = 1000;

interface RateInUse {
  readonly mix: RateMix;
  readonly voices: Voice[];
  readAt: number;
  /** Begun in this tick, and not finished. */
  isOpen: boolean;
}

/** Why a packet is not worth decrypting. */
export type Spared = 'shared' | 'quiet';

/**
 * The conference as the legs of one room receive it together: each source ordered and decoded once for each rate, the loudest of
 * them mixed. Which leg brings a packet does not matter: the first copy counts, so that a leg that leaves takes nothing with it.
 */
export class RoomSources {
  readonly #sources = new Map<number, RoomSource>();
  readonly #loudest = new Loudest();
  readonly #rates = new Map<AudioRate, RateInUse>();
  readonly #onError: (error: unknown) => void;
  #nextHousekeeping = 0;

  /** `onError` gets what decoding a source throws; the others are heard on. */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /** A leg was told of a source. */
  enter(ssrc: number): void {
    let source = this.#sources.get(ssrc);
    if (source === undefined) {
      source = new RoomSource(ssrc);
      this.#sources.set(ssrc, source);
    }
    source.legs += 1;
  }

  /** A leg of those that `enter` was called for has gone, or the source has. */
  leave(ssrc: number): void {
    const source = this.#sources.get(ssrc);
    if (source === undefined) return;
    source.legs -= 1;
    if (source.legs > 0) return;
    source.close();
    this.#sources.delete(ssrc);
    this.#loudest.remove(ssrc);
  }

  /**
   * Asked before a packet is decrypted, by its clear header. `shared`: another leg has brought it. `quiet`: it belongs to none of the
   * loudest. `undefined`: decrypt it, and then `push` it. `level` is asked for only when it matters.
   */
  spares(
    ssrc: number,
    sequence: number,
    timestamp: number,
    level: () => number,
    now: number,
  ): Spared | undefined {
    const source = this.#sources.get(ssrc);
    if (source === undefined) return undefined;
    if (source.seen.has(sequence, timestamp)) return 'shared';
    if (this.#loudest.isChosen(ssrc) || this.#loudest.mayHear(ssrc, level(), now)) return undefined;
    return 'quiet';
  }

  /**
   * Takes an authenticated Opus packet; keeps it until it is played. False when its numbers are not those under which the other legs
   * bring the stream: then it is not heard.
   */
  push(header: RtpHeader, packet: Buffer, now: number): boolean {
    const source = this.#sources.get(header.ssrc);
    if (source === undefined || source.seen.has(header.sequence, header.timestamp)) return true;
    if (!source.fits(header, now)) return false;
    source.take(header, now);
    if (this.#loudest.choose(header.ssrc, header.audioLevel, now)) {
      source.push(header, packet, now, this.#rates.keys());
    }
    return true;
  }

  /** The mixes at a rate in the tick `now`; `choose` for each listener comes before `finish`. */
  mixAt(rate: AudioRate, now: number): RateMix {
    const inUse = this.#rates.get(rate) ?? this.#use(rate, now);
    if (inUse.isOpen) return inUse.mix;
    const isStale = now - inUse.readAt > unreadMs;
    inUse.isOpen = true;
    inUse.readAt = now;
    inUse.voices.length = 0;
    for (const source of this.#sources.values()) {
      if (isStale) source.reset(rate);
      const voice = this.#read(source, rate, now);
      if (voice !== undefined && inUse.voices.length < MAX_VOICES) inUse.voices.push(voice);
    }
    inUse.mix.begin(inUse.voices);
    return inUse.mix;
  }

  /** Makes the mixes that were asked for in this tick. */
  finish(): void {
    for (const inUse of this.#rates.values()) {
      if (inUse.isOpen) inUse.mix.finish();
      inUse.isOpen = false;
    }
  }

  /** Gives back what is not used; every 20 ms. */
  tick(now: number): void {
    this.#loudest.expire(now);
    if (now < this.#nextHousekeeping) return;
    this.#nextHousekeeping = now + housekeepingMs;
    for (const source of this.#sources.values()) {
      if (now - source.heardAt > decoderIdleMs) source.close();
    }
    for (const [rate, { mix, readAt }] of this.#rates) {
      if (now - readAt <= rateIdleMs) continue;
      mix.close();
      this.#rates.delete(rate);
      for (const source of this.#sources.values()) source.close(rate);
    }
  }

  /** What became of a source; loss and jitter are for the leg to say. */
  statistics(ssrc: number, rate: AudioRate): Omit<SourceStatistics, 'packetsLost' | 'jitterMs'> {
    const source = this.#sources.get(ssrc);
    const playout = source?.playout(rate);
    return {
      ssrc,
      packetsReceived: source?.packetsReceived ?? 0,
      packetsLate: playout?.buffer.counters.late ?? 0,
      framesConcealed: playout?.framesConcealed ?? 0,
      framesRecovered: playout?.framesRecovered ?? 0,
      bufferMs: playout?.bufferMs ?? 0,
      levelDb: this.#loudest.levelDb(ssrc),
    };
  }

  close(): void {
    for (const source of this.#sources.values()) source.close();
    this.#sources.clear();
    for (const { mix } of this.#rates.values()) mix.close();
    this.#rates.clear();
  }

  #use(rate: AudioRate, now: number): RateInUse {
    const inUse = { mix: new RateMix(rate), voices: [], readAt: now, isOpen: false };
    this.#rates.set(rate, inUse);
    return inUse;
  }

  #read(source: RoomSource, rate: AudioRate, now: number): Voice | undefined {
    try {
      return source.read(rate, now);
    } catch (error) {
      source.close();
      this.#onError(error);
      return undefined;
    }
  }
}
