import { ok } from '../../errors.ts';
import type { AudioRate } from '../audio-codec.ts';
import type { Digit } from '../dtmf-event.ts';
import { scoreOf } from '../e-model.ts';
import type {
  BridgeAnswer,
  BridgeOffer,
  IceCandidate,
  LegStatistics,
  SourceStatistics,
} from '../media-engine.ts';
import type { WorkerResult } from '../protocol.ts';
import { clearAudioLevel, newRtpHeader, parseRtp } from '../rtp.ts';
import { BridgeSender } from './bridge-sender.ts';
import { BridgeTransport, type BridgeTransportOptions } from './bridge-transport.ts';
import { DropCounter } from './drop-counter.ts';
import { RoomDigits } from './room-digits.ts';
import type { RoomSource } from './room-source.ts';
import { RoomSources } from './room-sources.ts';
import { RtcpSession } from './rtcp-session.ts';
import { SparedSource } from './spared-source.ts';

export interface BridgeLegOptions
  extends Pick<
    BridgeTransportOptions,
    'settings' | 'certificate' | 'port' | 'now' | 'onUp' | 'onDown' | 'guard'
  > {
  readonly offer: BridgeOffer;
  readonly rate: AudioRate;
  /** What the legs of the room receive together. */
  readonly room: RoomSources;
  /** A key was pressed in the room. */
  readonly onDigit: (digit: Digit) => void;
  /** Gets what the decoding of a source throws that this leg receives alone. */
  readonly onError: (error: unknown) => void;
}

const opusClockRate = 48_000;
/** More sources than any bridge sends to one endpoint. */
const maximumSources = 1000;
/** Packets in a row whose numbers are not the room's prove that this leg's bridge numbers differently. */
const strangeInARow = 3;

/** A source that was signalled to this leg. */
interface HeardSource {
  /** As all legs of the room receive it together; or this one alone. */
  shared: RoomSource;
  readonly spared: SparedSource;
}

/** The media of one Jingle session: conference sources in, the phone's voice out. */
export class BridgeLeg {
  readonly port: number;
  readonly #options: BridgeLegOptions;
  readonly #drops: DropCounter;
  readonly #transport: BridgeTransport;
  readonly #sender: BridgeSender;
  readonly #rtcp: RtcpSession;
  readonly #header = newRtpHeader();
  readonly #signalled = new Map<number, HeardSource>();
  readonly #digits: RoomDigits;
  #sources: RoomSources;
  #strange = 0;
  #packetsReceived = 0;
  /** The packet that is asked about, for `#level`. */
  #clear: Buffer | undefined;

  private constructor(options: BridgeLegOptions, transport: BridgeTransport, drops: DropCounter) {
    const { offer, rate, port } = options;
    this.port = port;
    this.#options = options;
    this.#drops = drops;
    this.#transport = transport;
    this.#digits = new RoomDigits(options.onDigit);
    this.#sources = options.room;
    this.addSources(offer.sources);
    this.#sender = new BridgeSender(
      offer.opusPayloadType,
      offer.audioLevelId,
      offer.telephoneEventPayloadType,
    );
    this.#sender.setRate(rate);
    this.#rtcp = new RtcpSession({
      transmit: (packet, length) => transport.sendRtcp(packet, length),
      onLoss: (percent) => this.#sender.setExpectedLoss(percent),
    });
  }

  /** Binds the port and begins ICE; fails as `BridgeTransport.open`. */
  static async open(options: BridgeLegOptions): Promise<WorkerResult<BridgeLeg>> {
    const drops = new DropCounter();
    let leg: BridgeLeg | undefined;
    const opened = await BridgeTransport.open({
      ...options,
      spares: (packet, arrivedMs) => (leg ? leg.#spares(packet, arrivedMs) : undefined),
      onRtp: (packet, length, arrivedMs) => {
        if (leg) leg.#receiveRtp(packet, length, arrivedMs);
      },
      onRtcp: (packet, length, arrivedMs) => {
        if (leg) leg.#receiveRtcp(packet, length, arrivedMs);
      },
      drop: (reason) => drops.add(reason),
    });
    if (!opened.ok) return opened;
    leg = new BridgeLeg(options, opened.value, drops);
    return ok(leg);
  }

  /** Our half of the transport, and who we are. */
  async answer(): Promise<BridgeAnswer> {
    return {
      transport: await this.#transport.describe(),
      fingerprint: { hash: 'sha-256', value: this.#options.certificate.fingerprint, setup: 'active' },
      ssrc: this.#sender.stream.ssrc,
    };
  }

  /** The phone's codec has another rate now: its voice is encoded anew. */
  setRate(rate: AudioRate): void {
    this.#sender.setRate(rate);
  }

  addSources(ssrcs: readonly number[]): void {
    for (const ssrc of ssrcs) {
      if (this.#signalled.has(ssrc) || this.#signalled.size >= maximumSources) continue;
      this.#signalled.set(ssrc, { shared: this.#sources.enter(ssrc), spared: new SparedSource() });
    }
  }

  removeSources(ssrcs: readonly number[]): void {
    for (const ssrc of ssrcs) {
      const source = this.#signalled.get(ssrc);
      if (source !== undefined) this.#sources.leave(source.shared);
      this.#signalled.delete(ssrc);
      this.#rtcp.remove(ssrc);
    }
  }

  /** What this leg hears: the room's sources, or its own when its bridge numbers them in another way. */
  get sources(): RoomSources {
    return this.#sources;
  }

  /** True for a source that was signalled to this leg, and is not its own voice. */
  readonly hears = (ssrc: number): boolean => this.#signalled.has(ssrc) && ssrc !== this.#sender.stream.ssrc;

  addCandidates(candidates: readonly IceCandidate[]): void {
    this.#transport.addCandidates(candidates);
  }

  /** Hands what has come to the room. */
  receive(): void {
    this.#transport.read();
  }

  /** Sends 20 ms of the phone's voice, or of silence. */
  send(frame: Int16Array | undefined): void {
    if (this.#transport.isUp) this.#sender.send(frame, this.#transmit);
  }

  readonly #transmit = (packet: Buffer, length: number): void => this.#transport.sendRtp(packet, length);

  /** Queues a digit for the room; false when the bridge did not offer telephone-events. */
  sendDigit(digit: Digit): boolean {
    return this.#sender.sendDigit(digit);
  }

  /** Looks after ICE, DTLS and reports; every 20 ms. */
  tick(now: number): void {
    this.#transport.tick(now);
    this.#digits.tick(now);
    if (this.#transport.isUp) this.#rtcp.tick(now, this.#sender.stream);
    if (this.#isAlone) this.#sources.tick(now);
  }

  /** `rate` is that of the listener. */
  statistics(rate: AudioRate): {
    readonly leg: LegStatistics;
    readonly sources: readonly SourceStatistics[];
  } {
    const { roundTripMs } = this.#rtcp;
    const sources = [...this.#signalled].map(([ssrc, { shared }]) => {
      const source = this.#sources.statistics(shared, rate);
      const { packetsLost, jitterMs } = this.#rtcp.reception(ssrc);
      return {
        ...source,
        packetsLost,
        jitterMs,
        mos: scoreOf({ ...source, codec: 'opus', packetsLost, roundTripMs }),
      };
    });
    const scores = sources.flatMap(({ mos }) => mos ?? []);
    const jitters = sources.map(({ jitterMs }) => jitterMs);
    return {
      sources,
      leg: {
        packetsSent: this.#sender.stream.packetsSent,
        packetsReceived: this.#packetsReceived,
        packetsLost: sources.reduce((sum, source) => sum + source.packetsLost, 0),
        jitterMs: Math.max(0, ...jitters),
        roundTripMs,
        mos: scores.length === 0 ? undefined : Math.min(...scores),
        dropped: this.#drops.counts,
      },
    };
  }

  /** Resolves when the port is free, whatever goes wrong in taking leave. */
  async close(): Promise<void> {
    try {
      if (this.#transport.isUp) this.#rtcp.bye(this.#sender.stream, this.#options.now());
    } finally {
      this.removeSources([...this.#signalled.keys()]);
      if (this.#isAlone) this.#sources.close();
      this.#sender.close();
      await this.#transport.close();
    }
  }

  /** What need not be decrypted is not authenticated either: reports count it when the next one that is bears it out. */
  #spares(packet: Buffer, now: number): string | undefined {
    const ssrc = packet.readUInt32BE(8);
    const source = this.#signalled.get(ssrc);
    if (source === undefined || this.#isEvent((packet[1] as number) & 0x7f)) return undefined;
    const sequence = packet.readUInt16BE(2);
    this.#clear = packet;
    const timestamp = packet.readUInt32BE(4);
    const why = this.#sources.spares(source.shared, sequence, timestamp, this.#level, now);
    return source.spared.decrypts(why !== undefined) ? undefined : why;
  }

  /** A key is for the phone of every leg, so every leg decrypts it. */
  #isEvent(payloadType: number): boolean {
    return payloadType === this.#options.offer.telephoneEventPayloadType;
  }

  readonly #level = (): number =>
    this.#clear === undefined ? -1 : clearAudioLevel(this.#clear, this.#options.offer.audioLevelId ?? 0);

  #receiveRtp(packet: Buffer, length: number, arrivedMs: number): void {
    const refused = this.#handleRtp(packet, length, arrivedMs);
    if (refused !== undefined) this.#drops.add(refused);
  }

  #handleRtp(packet: Buffer, length: number, arrival: number): string | undefined {
    const { offer } = this.#options;
    const header = this.#header;
    if (!parseRtp(packet, header, offer.audioLevelId ?? 0, length)) return 'malformed';
    const source = this.#signalled.get(header.ssrc);
    if (source === undefined) return 'unsignalled';
    if (this.#isEvent(header.payloadType)) {
      return this.#digits.receive(header, packet, arrival) ? undefined : 'event';
    }
    if (header.payloadType !== offer.opusPayloadType) return 'payload';
    this.#packetsReceived += 1;
    this.#rtcp.received(header, arrival, opusClockRate, source.spared.takeUnread());
    if (this.#sources.push(source.shared, header, packet, arrival)) {
      this.#strange = 0;
      return undefined;
    }
    this.#strange += 1;
    if (this.#strange === strangeInARow) this.#partFromRoom();
    return 'numbering';
  }

  get #isAlone(): boolean {
    return this.#sources !== this.#options.room;
  }

  /** From now on this leg receives, decodes and mixes for itself alone. */
  #partFromRoom(): void {
    this.#sources = new RoomSources(this.#options.onError);
    for (const [ssrc, source] of this.#signalled) {
      this.#options.room.leave(source.shared);
      source.shared = this.#sources.enter(ssrc);
    }
  }

  #receiveRtcp(packet: Buffer, length: number, now: number): void {
    if (!this.#rtcp.receive(packet, length, now, this.#sender.stream)) this.#drops.add('malformed');
  }
}
