import type { AudioRate } from '../audio-codec.ts';
import { Loudest, levelDb } from '../loudest.ts';
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
  readonly rate: AudioRate;
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
  #rates: RateInUse[] = [];
  readonly #onError: (error: unknown) => void;
  #nextHousekeeping = 0;

  /** `onError` gets what decoding a source throws; the others are heard on. */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /** A leg was told of a source. */
  enter(ssrc: number): RoomSource {
    let source = this.#sources.get(ssrc);
    if (source === undefined) {
      source = new RoomSource(this.#loudest.enter(ssrc));
      this.#sources.set(ssrc, source);
    }
    source.legs += 1;
    return source;
  }

  /** A leg of those that `enter` was called for has gone, or the source has. */
  leave(source: RoomSource): void {
    source.legs -= 1;
    if (source.legs > 0) return;
    source.close();
    this.#sources.delete(source.ssrc);
    this.#loudest.leave(source.talker);
  }

  /**
   * Asked before a packet is decrypted, by its clear header. `shared`: another leg has brought it. `quiet`: it belongs to none of the
   * loudest. `undefined`: decrypt it, and then `push` it. `level` is asked for only when it matters.
   */
  spares(
    source: RoomSource,
    sequence: number,
    timestamp: number,
    level: () => number,
    now: number,
  ): Spared | undefined {
    if (source.has(sequence, timestamp)) return 'shared';
    const { talker } = source;
    return talker.chosen || this.#loudest.mayHear(talker, level(), now) ? undefined : 'quiet';
  }

  /**
   * Takes an authenticated Opus packet of a source; keeps it until it is played. False when its numbers are not those under which the
   * other legs bring the stream: then it is not heard.
   */
  push(source: RoomSource, header: RtpHeader, packet: Buffer, now: number): boolean {
    if (source.has(header.sequence, header.timestamp)) return true;
    if (!source.fits(header, now)) return false;
    source.take(header, now);
    if (this.#loudest.choose(source.talker, header.audioLevel, now)) {
      source.push(header, packet, now, this.#rates);
    }
    return true;
  }

  /** The mixes at a rate in the tick `now`; `choose` for each listener comes before `finish`. */
  mixAt(rate: AudioRate, now: number): RateMix {
    const inUse = this.#rates.find((one) => one.rate === rate) ?? this.#use(rate, now);
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
    for (const inUse of this.#rates) {
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
    const isIdle = ({ readAt }: RateInUse) => now - readAt > rateIdleMs;
    for (const { rate, mix } of this.#rates.filter(isIdle)) {
      mix.close();
      for (const source of this.#sources.values()) source.close(rate);
    }
    this.#rates = this.#rates.filter((inUse) => !isIdle(inUse));
  }

  /** What became of a source; loss and jitter are for the leg to say. */
  statistics(source: RoomSource, rate: AudioRate): Omit<SourceStatistics, 'packetsLost' | 'jitterMs'> {
    const playout = source.playout(rate);
    return {
      ssrc: source.ssrc,
      packetsReceived: source.packetsReceived,
      packetsLate: playout?.buffer.counters.late ?? 0,
      framesConcealed: playout?.framesConcealed ?? 0,
      framesRecovered: playout?.framesRecovered ?? 0,
      bufferMs: playout?.bufferMs ?? 0,
      levelDb: levelDb(source.talker),
    };
  }

  close(): void {
    for (const source of this.#sources.values()) source.close();
    this.#sources.clear();
    for (const { mix } of this.#rates) mix.close();
    this.#rates = [];
  }

  #use(rate: AudioRate, now: number): RateInUse {
    const inUse = { rate, mix: new RateMix(rate), voices: [], readAt: now, isOpen: false };
    this.#rates.push(inUse);
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
