import { type AudioRate, createAudioDecoder } from '../audio-codec.ts';
import { Loudest } from '../loudest.ts';
import type { SourceStatistics } from '../media-engine.ts';
import { Mixer } from '../mixer.ts';
import { PeakLimiter } from '../peak-limiter.ts';
import type { RtpHeader } from '../rtp.ts';
import { Playout } from './playout.ts';

interface ConferenceSource {
  packetsReceived: number;
  heardAt: number;
  /** Exists while the source is, or lately was, among the loudest. */
  playout: Playout | undefined;
}

/** More sources than any bridge sends to one endpoint. */
const maximumSources = 1000;
/** A source that is not among the loudest for this long gives its decoder back. */
const decoderIdleMs = 30_000;
/** Nothing to play is left after this. */
const playoutIdleMs = 500;

/** The conference as one leg hears it: signalled sources only, the loudest of them decoded, ordered and mixed. */
export class BridgeSources {
  readonly #sources = new Map<number, ConferenceSource>();
  readonly #loudest = new Loudest();
  readonly #rate: AudioRate;
  readonly #mixer: Mixer;
  readonly #limiter: PeakLimiter;
  readonly #frame: Int16Array;

  /** `rate` is that of the mix: the phone codec's. */
  constructor(rate: AudioRate, ssrcs: Iterable<number>) {
    this.#rate = rate;
    this.#frame = new Int16Array(rate / 50);
    this.#mixer = new Mixer(this.#frame.length);
    this.#limiter = new PeakLimiter();
    this.add(ssrcs);
  }

  get ssrcs(): Iterable<number> {
    return this.#sources.keys();
  }

  add(ssrcs: Iterable<number>): void {
    for (const ssrc of ssrcs) {
      if (this.#sources.size >= maximumSources) return;
      if (!this.#sources.has(ssrc)) {
        this.#sources.set(ssrc, { packetsReceived: 0, heardAt: 0, playout: undefined });
      }
    }
  }

  remove(ssrcs: Iterable<number>): void {
    for (const ssrc of ssrcs) {
      this.#sources.get(ssrc)?.playout?.close();
      this.#sources.delete(ssrc);
      this.#loudest.remove(ssrc);
    }
  }

  has(ssrc: number): boolean {
    return this.#sources.has(ssrc);
  }

  /** Takes an Opus packet of a source that `has` knows; keeps it until it is played. */
  push(header: RtpHeader, packet: Buffer, now: number): void {
    const source = this.#sources.get(header.ssrc);
    if (source === undefined) return;
    source.packetsReceived += 1;
    if (!this.#loudest.hears(header.ssrc, header.audioLevel, now)) return;
    source.playout ??= new Playout(createAudioDecoder('opus', this.#rate), true);
    if (now - source.heardAt > playoutIdleMs) source.playout.buffer.reset();
    source.heardAt = now;
    source.playout.push(header, packet, now);
  }

  /** Fills 20 ms of the mix; false when nobody is heard. */
  mix(now: number, out: Int16Array): boolean {
    this.#mixer.begin();
    for (const source of this.#sources.values()) {
      if (source.playout === undefined) continue;
      const idleMs = now - source.heardAt;
      if (idleMs > decoderIdleMs) {
        source.playout.close();
        source.playout = undefined;
      } else if (idleMs <= playoutIdleMs && source.playout.read(now, this.#frame)) {
        this.#mixer.add(this.#frame);
      }
    }
    this.#loudest.expire(now);
    if (this.#mixer.sources === 0) return false;
    this.#mixer.take(out, this.#limiter);
    return true;
  }

  /** `lost` tells how many packets of a source are missing. */
  statistics(lost: (ssrc: number) => number): SourceStatistics[] {
    return [...this.#sources].map(([ssrc, { packetsReceived, playout }]) => ({
      ssrc,
      packetsReceived,
      packetsLost: lost(ssrc),
      packetsLate: playout?.buffer.counters.late ?? 0,
      framesConcealed: playout?.buffer.counters.concealed ?? 0,
      bufferMs: playout?.buffer.bufferMs ?? 0,
    }));
  }

  close(): void {
    for (const { playout } of this.#sources.values()) playout?.close();
    this.#sources.clear();
  }
}
