import { BridgeLeg } from './bridge-leg.ts';
import type { BridgeImpairment } from './bridge-relay.ts';
import type { BridgePayloadTypes } from './bridge-sdp.ts';
import type { BridgeTransport, EndpointAnswer } from './media-bridge.ts';
import { RtpTrace, type TracedPacket } from './rtp-trace.ts';
import type { StreamStatistics } from './rtp-watch.ts';

/** What a participant says: 48 kHz mono, once or again and again. */
export interface Speech {
  readonly samples: Int16Array;
  readonly loop: boolean;
}

export interface LegStatistics {
  readonly state: string;
  /** By SSRC. */
  readonly fromGateway: ReadonlyMap<number, StreamStatistics>;
  readonly toGateway: ReadonlyMap<number, StreamStatistics>;
  /** Packets of the gateway that were marked with audio level 127, and dropped. */
  readonly droppedSilent: number;
}

export interface LegRecording {
  /** Milliseconds since 1970 of the first sample. */
  readonly startedAt: number;
  readonly samples: Int16Array;
}

interface Leg {
  readonly key: number;
  readonly room: string;
  readonly nick: string;
  readonly media: BridgeLeg;
  state: string;
}

interface Feed extends Speech {
  readonly key: string;
  readonly room: string;
  readonly ssrc: number;
  position: number;
}

const frame = 480;
const frameMs = 10;

/** All rooms of the bridge: who has which SSRCs, who hears whom, and the 10 ms clock that makes the participants speak. */
export class BridgeRooms {
  readonly #address: string;
  readonly #numbers: BridgePayloadTypes;
  readonly #legs = new Map<number, Leg>();
  /** room → nick → SSRCs. */
  readonly #sources = new Map<string, Map<string, readonly number[]>>();
  readonly #feeds = new Map<string, Feed>();
  readonly #notify: (event: 'connected' | 'spoken', room: string, subject: string) => void;
  #impairment: BridgeImpairment = {};
  #traces = false;
  #clock: NodeJS.Timeout | undefined;
  #due = 0;

  constructor(
    address: string,
    numbers: BridgePayloadTypes,
    notify: (event: 'connected' | 'spoken', room: string, subject: string) => void,
  ) {
    this.#address = address;
    this.#numbers = numbers;
    this.#notify = notify;
  }

  async allocate(key: number, room: string, nick: string): Promise<BridgeTransport> {
    const leg: Leg = {
      key,
      room,
      nick,
      state: 'new',
      media: new BridgeLeg(
        this.#numbers,
        (samples) => this.#forward(leg, samples),
        (state) => {
          leg.state = state;
          if (state === 'connected') this.#notify('connected', room, nick);
        },
      ),
    };
    this.#legs.set(key, leg);
    const transport = await leg.media.open(this.#address, this.#sourcesFor(leg));
    leg.media.relay?.impair(this.#impairment);
    if (this.#traces && leg.media.relay !== undefined) leg.media.relay.trace = new RtpTrace();
    return transport;
  }

  accept(key: number, answer: EndpointAnswer): void {
    const leg = this.#legs.get(key);
    if (leg === undefined) return;
    for (const old of this.#of(leg.room, leg.nick)) if (old !== leg) this.#remove(old);
    leg.media.accept(answer);
    this.setSources(leg.room, leg.nick, answer.ssrcs);
  }

  setSources(room: string, nick: string, ssrcs: readonly number[]): void {
    const sources = this.#sources.get(room) ?? new Map<string, readonly number[]>();
    this.#sources.set(room, sources);
    if (ssrcs.length === 0) sources.delete(nick);
    else sources.set(nick, ssrcs);
    for (const leg of this.#legs.values()) if (leg.room === room) leg.media.setSources(this.#sourcesFor(leg));
  }

  legSources(key: number, ssrcs: readonly number[]): void {
    const leg = this.#legs.get(key);
    if (leg !== undefined) this.setSources(leg.room, leg.nick, ssrcs);
  }

  close(key: number): void {
    const leg = this.#legs.get(key);
    if (leg === undefined) return;
    this.#remove(leg);
    if (this.#of(leg.room, leg.nick).length === 0) this.setSources(leg.room, leg.nick, []);
  }

  /** Undefined: silent, nothing is sent. */
  speak(room: string, ssrc: number, speech: Speech | undefined): void {
    const key = `${room} ${ssrc}`;
    if (speech === undefined) this.#feeds.delete(key);
    else this.#feeds.set(key, { ...speech, key, room, ssrc, position: 0 });
    this.#runClock();
  }

  impair(impairment: BridgeImpairment): void {
    this.#impairment = impairment;
    for (const leg of this.#legs.values()) leg.media.relay?.impair(impairment);
  }

  /** What the gateway leg `nick` sent into the room; undefined: there is no such leg. */
  heard(room: string, nick: string): LegRecording | undefined {
    const leg = this.#of(room, nick).at(-1);
    if (leg === undefined) return undefined;
    const { recording } = leg.media;
    return { startedAt: recording.startedAt ?? Date.now(), samples: recording.sound().samples };
  }

  clear(room: string): void {
    for (const leg of this.#legs.values()) if (leg.room === room) leg.media.recording.clear();
  }

  statistics(room: string, nick: string): LegStatistics | undefined {
    const leg = this.#of(room, nick).at(-1);
    const relay = leg?.media.relay;
    if (leg === undefined || relay === undefined) return undefined;
    return {
      state: leg.state,
      fromGateway: relay.fromGateway.streams,
      toGateway: relay.toGateway.streams,
      droppedSilent: relay.droppedSilent,
    };
  }

  /** Legs that come from now on note every packet. */
  trace(): void {
    this.#traces = true;
  }

  /** The packets of a leg since the last question; none when it is gone. */
  traced(room: string, nick: string): TracedPacket[] {
    return this.#of(room, nick).at(-1)?.media.relay?.trace?.take() ?? [];
  }

  #of(room: string, nick: string): Leg[] {
    return [...this.#legs.values()].filter((leg) => leg.room === room && leg.nick === nick);
  }

  #remove(leg: Leg): void {
    this.#legs.delete(leg.key);
    leg.media.close();
  }

  #sourcesFor(leg: Leg): number[] {
    const sources = this.#sources.get(leg.room) ?? new Map<string, readonly number[]>();
    return [...sources].filter(([nick]) => nick !== leg.nick).flatMap(([, ssrcs]) => ssrcs);
  }

  /** One phone's audio goes to the other phones of the room. libwebrtc plays zeros while nothing comes: those are not sent on. */
  #forward(from: Leg, samples: Int16Array): void {
    const ssrc = from.media.ssrcs[0];
    if (ssrc === undefined || samples.length !== frame || samples.every((sample) => sample === 0)) return;
    this.#push(from.room, ssrc, samples, from);
  }

  #push(room: string, ssrc: number, samples: Int16Array, from?: Leg): void {
    for (const leg of this.#legs.values()) {
      if (leg.room === room && leg !== from) leg.media.push(ssrc, samples);
    }
  }

  /** Frames are due by the wall clock since the clock was started, so that no timer's lateness adds up. */
  #runClock(): void {
    if (this.#clock !== undefined || this.#feeds.size === 0) return;
    this.#due = performance.now();
    const tick = () => {
      for (; this.#due <= performance.now(); this.#due += frameMs) this.#speakFrame();
      if (this.#feeds.size === 0) this.#clock = undefined;
      else this.#clock = setTimeout(tick, Math.max(1, this.#due - performance.now()));
    };
    this.#clock = setTimeout(tick, 0);
  }

  #speakFrame(): void {
    for (const feed of this.#feeds.values()) {
      const { samples } = feed;
      if (feed.position >= samples.length) {
        this.#feeds.delete(feed.key);
        this.#notify('spoken', feed.room, String(feed.ssrc));
        continue;
      }
      const piece = new Int16Array(frame);
      for (let i = 0; i < frame; i += 1) piece[i] = samples[this.#next(feed)] ?? 0;
      this.#push(feed.room, feed.ssrc, piece);
    }
  }

  #next(feed: Feed): number {
    const at = feed.position;
    feed.position += 1;
    if (feed.loop && feed.position >= feed.samples.length) feed.position = 0;
    return at;
  }
}
