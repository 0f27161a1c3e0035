import { ok } from '../../errors.ts';
import type { AudioRate } from '../audio-codec.ts';
import type {
  BridgeAnswer,
  BridgeOffer,
  IceCandidate,
  LegStatistics,
  SourceStatistics,
} from '../media-engine.ts';
import type { WorkerResult } from '../protocol.ts';
import { newRtpHeader, parseRtp } from '../rtp.ts';
import { BridgeSender } from './bridge-sender.ts';
import { BridgeSources } from './bridge-sources.ts';
import { BridgeTransport, type BridgeTransportOptions } from './bridge-transport.ts';
import { DropCounter } from './drop-counter.ts';
import { RtcpSession } from './rtcp-session.ts';

export interface BridgeLegOptions
  extends Pick<
    BridgeTransportOptions,
    'settings' | 'certificate' | 'port' | 'now' | 'onUp' | 'onDown' | 'guard'
  > {
  readonly offer: BridgeOffer;
  readonly rate: AudioRate;
}

const opusClockRate = 48_000;

/** The media of one Jingle session: conference sources in, the phone's voice out. */
export class BridgeLeg {
  readonly port: number;
  readonly #options: BridgeLegOptions;
  readonly #drops: DropCounter;
  readonly #transport: BridgeTransport;
  readonly #sender: BridgeSender;
  readonly #rtcp: RtcpSession;
  readonly #header = newRtpHeader();
  #sources: BridgeSources;
  #rate: AudioRate;
  #packetsReceived = 0;

  private constructor(options: BridgeLegOptions, transport: BridgeTransport, drops: DropCounter) {
    const { offer, rate, port } = options;
    this.port = port;
    this.#options = options;
    this.#drops = drops;
    this.#transport = transport;
    this.#rate = rate;
    this.#sources = new BridgeSources(rate, offer.sources);
    this.#sender = new BridgeSender(offer.opusPayloadType, offer.audioLevelId);
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
      onRtp: (packet, length) => {
        if (leg) leg.#receiveRtp(packet, length);
      },
      onRtcp: (packet, length) => {
        if (leg) leg.#receiveRtcp(packet, length);
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

  /** The phone's codec has another rate now: sources and voice are decoded and encoded anew. */
  setRate(rate: AudioRate): void {
    if (rate === this.#rate) return;
    this.#rate = rate;
    const before = this.#sources;
    this.#sources = new BridgeSources(rate, before.ssrcs);
    before.close();
    this.#sender.setRate(rate);
  }

  addSources(ssrcs: readonly number[]): void {
    this.#sources.add(ssrcs);
  }

  removeSources(ssrcs: readonly number[]): void {
    this.#sources.remove(ssrcs);
    for (const ssrc of ssrcs) this.#rtcp.remove(ssrc);
  }

  addCandidates(candidates: readonly IceCandidate[]): void {
    this.#transport.addCandidates(candidates);
  }

  /** Sends 20 ms of the phone's voice, or of silence. */
  send(frame: Int16Array | undefined): void {
    if (this.#transport.isUp) {
      this.#sender.send(frame, (packet, length) => this.#transport.sendRtp(packet, length));
    }
  }

  /** Fills 20 ms of what the phone shall hear; false for silence. */
  mix(now: number, out: Int16Array): boolean {
    return this.#sources.mix(now, out);
  }

  /** Looks after ICE, DTLS and reports; every 20 ms. */
  tick(now: number): void {
    this.#transport.tick(now);
    if (this.#transport.isUp) this.#rtcp.tick(now, this.#sender.stream);
  }

  statistics(): { readonly leg: LegStatistics; readonly sources: readonly SourceStatistics[] } {
    const sources = this.#sources.statistics((ssrc) => this.#rtcp.reception(ssrc).packetsLost);
    const jitters = sources.map(({ ssrc }) => this.#rtcp.reception(ssrc).jitterMs);
    return {
      sources,
      leg: {
        packetsSent: this.#sender.stream.packetsSent,
        packetsReceived: this.#packetsReceived,
        packetsLost: sources.reduce((sum, source) => sum + source.packetsLost, 0),
        jitterMs: Math.max(0, ...jitters),
        dropped: this.#drops.counts,
      },
    };
  }

  /** Resolves when the port is free, whatever goes wrong in taking leave. */
  async close(): Promise<void> {
    try {
      if (this.#transport.isUp) this.#rtcp.bye(this.#sender.stream, this.#options.now());
    } finally {
      this.#sources.close();
      this.#sender.close();
      await this.#transport.close();
    }
  }

  #receiveRtp(packet: Buffer, length: number): void {
    const refused = this.#handleRtp(packet, length);
    if (refused !== undefined) this.#drops.add(refused);
  }

  #handleRtp(packet: Buffer, length: number): string | undefined {
    const { offer, now } = this.#options;
    const header = this.#header;
    if (!parseRtp(packet, header, offer.audioLevelId ?? 0, length)) return 'malformed';
    if (!this.#sources.has(header.ssrc)) return 'unsignalled';
    if (header.payloadType === offer.telephoneEventPayloadType) return 'telephone-event';
    if (header.payloadType !== offer.opusPayloadType) return 'payload';
    const arrival = now();
    this.#packetsReceived += 1;
    this.#rtcp.received(header, arrival, opusClockRate);
    this.#sources.push(header, packet, arrival);
    return undefined;
  }

  #receiveRtcp(packet: Buffer, length: number): void {
    const now = this.#options.now();
    if (!this.#rtcp.receive(packet, length, now, this.#sender.stream)) this.#drops.add('malformed');
  }
}
