import { type AudioRate, createAudioDecoder } from '../audio-codec.ts';
import type { Talker } from '../loudest.ts';
import { Playout } from '../playout.ts';
import type { RtpHeader } from '../rtp.ts';
import { SeenSequences } from '../seen-sequences.ts';
import { sequenceDelta, timestampDelta } from '../sequence.ts';
import type { Voice } from './rate-mix.ts';

/** Nothing to play is left after this. */
const playoutIdleMs = 500;
/** Copies of one stream come this close to each other, in packets and in ticks: two seconds. */
const nearPackets = 500;
const nearTicks = 96_000;
/** A stream that paused for so long may go on with other numbers. */
const pauseMs = 100;

/** One source at one rate: its jitter buffer and decoder, and the frame of this tick. */
class RateVoice implements Voice {
  readonly ssrc: number;
  readonly rate: AudioRate;
  readonly playout: Playout;
  readonly frame: Int16Array;

  constructor(ssrc: number, rate: AudioRate) {
    this.ssrc = ssrc;
    this.rate = rate;
    this.playout = new Playout(createAudioDecoder('opus', rate));
    this.frame = new Int16Array(rate / 50);
  }
}

/** A conference source as a room hears it: packets that any leg brought, decoded once for each rate at which somebody listens. */
export class RoomSource {
  readonly ssrc: number;
  /** Legs to which it is signalled. */
  legs = 0;
  packetsReceived = 0;
  /** When the last packet came that was to be decoded. */
  heardAt = Number.NEGATIVE_INFINITY;
  #seen: SeenSequences | undefined;
  /** Its place among those who speak. */
  readonly talker: Talker;
  /** One for each rate, so three at most. */
  #voices: RateVoice[] = [];
  #sequence = 0;
  #timestamp = 0;
  #takenAt = Number.NEGATIVE_INFINITY;

  constructor(talker: Talker) {
    this.ssrc = talker.ssrc;
    this.talker = talker;
  }

  /** Another leg has brought this packet. (That one leg brings a packet twice is for SRTP to refuse.) */
  has(sequence: number, timestamp: number): boolean {
    return this.legs > 1 && this.#seen?.has(sequence, timestamp) === true;
  }

  /**
   * False for a packet that is no part of the stream as the other legs bring it: the bridge numbers the streams of each leg in its own
   * way. (A videobridge forwards the sender's numbers.)
   */
  fits({ sequence, timestamp }: RtpHeader, now: number): boolean {
    if (this.legs < 2 || now - this.#takenAt > pauseMs) return true;
    return (
      Math.abs(sequenceDelta(sequence, this.#sequence)) < nearPackets &&
      Math.abs(timestampDelta(timestamp, this.#timestamp)) < nearTicks
    );
  }

  /** Notes an authenticated packet, the first of its number. */
  take({ sequence, timestamp }: RtpHeader, now: number): void {
    this.packetsReceived += 1;
    if (this.legs < 2) return;
    this.#sequence = sequence;
    this.#timestamp = timestamp;
    this.#takenAt = now;
    this.#seen ??= new SeenSequences();
    this.#seen.add(sequence, timestamp);
  }

  /** Plays a packet that was taken to those who listen; keeps it until then. */
  push(
    header: RtpHeader,
    packet: Buffer,
    now: number,
    listeners: readonly { readonly rate: AudioRate }[],
  ): void {
    const wasIdle = now - this.heardAt > playoutIdleMs;
    this.heardAt = now;
    for (const { rate } of listeners) {
      const { playout } = this.#voice(rate) ?? this.#addVoice(rate);
      if (wasIdle) playout.reset();
      playout.push(header, packet, now);
    }
  }

  /** The next 20 ms at this rate; undefined when it is silent. */
  read(rate: AudioRate, now: number): Voice | undefined {
    const voice = this.#voice(rate);
    if (voice === undefined || now - this.heardAt > playoutIdleMs) return undefined;
    return voice.playout.read(now, voice.frame) ? voice : undefined;
  }

  /** What was not played at this rate is forgotten. */
  reset(rate: AudioRate): void {
    this.#voice(rate)?.playout.reset();
  }

  playout(rate: AudioRate): Playout | undefined {
    return this.#voice(rate)?.playout;
  }

  /** Gives the decoder of one rate back, or all. */
  close(rate?: AudioRate): void {
    const kept: RateVoice[] = [];
    for (const voice of this.#voices) {
      if (rate !== undefined && voice.rate !== rate) kept.push(voice);
      else voice.playout.close();
    }
    this.#voices = kept;
  }

  #voice(rate: AudioRate): RateVoice | undefined {
    for (const voice of this.#voices) if (voice.rate === rate) return voice;
    return undefined;
  }

  #addVoice(rate: AudioRate): RateVoice {
    const voice = new RateVoice(this.ssrc, rate);
    this.#voices.push(voice);
    return voice;
  }
}
