import type { Codec } from '../../config/config.ts';
import { isUnicastAddress } from '../address-scope.ts';
import { type AudioRate, codecRates } from '../audio-codec.ts';
import type { Digit } from '../dtmf-event.ts';
import { scoreOf } from '../e-model.ts';
import type { LegStatistics, PhoneMedia } from '../media-engine.ts';
import { Playout } from '../playout.ts';
import type { WorkerResult } from '../protocol.ts';
import { newRtpHeader, parseRtp, type RtpHeader } from '../rtp.ts';
import { SequenceGaps } from '../sequence-gaps.ts';
import { SourceLock } from '../source-lock.ts';
import { DropCounter } from './drop-counter.ts';
import { isWildcard } from './ice-addresses.ts';
import type { Mix } from './mix.ts';
import { PhoneDigits } from './phone-digits.ts';
import { codecOf, decoderFor } from './phone-formats.ts';
import { PhoneSender } from './phone-sender.ts';
import { bindPhoneSockets, type PhoneSockets } from './phone-sockets.ts';
import { PhoneSrtp } from './phone-srtp.ts';
import type { RateMix } from './rate-mix.ts';
import { RtcpSession } from './rtcp-session.ts';
import type { TransportAddress } from './stun-address.ts';

export interface PhoneLegOptions {
  readonly address: string;
  readonly rtpPort: number;
  readonly rtcpPort: number;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
  readonly onHeard: () => void;
  readonly onSilent: () => void;
  readonly onDigit: (digit: Digit) => void;
  /** Runs what a datagram causes; catches what it throws. */
  readonly guard: (work: () => void) => void;
}

const silentAtFirstMs = 30_000;
const silentLaterMs = 60_000;
const longestPacket = 2048;
/** RFC 3389 §4. The noise is not made again: in a conference that of every silent phone would add up. */
const comfortNoise = 13;

/** RTP with the phone: its voice in frames of 20 ms, and the room's mix in packets as the phone wants them. */
export class PhoneLeg {
  readonly #options: PhoneLegOptions;
  readonly #drops = new DropCounter();
  readonly #header = newRtpHeader();
  readonly #rtcp: RtcpSession;
  readonly #digits: PhoneDigits;
  readonly #srtp = new PhoneSrtp();
  /** Packets of this stream that are no audio. */
  readonly #gaps = new SequenceGaps();
  #sockets: PhoneSockets | undefined;
  #phone: PhoneMedia | undefined;
  #lock: SourceLock | undefined;
  #playout: Playout | undefined;
  #sender: PhoneSender | undefined;
  /** SSRC and codec of what the phone sends. */
  #playing: number | undefined;
  #decoding: Codec | undefined;
  #packetsReceived = 0;
  #wasHeard = false;
  #wasSilent = false;
  #heardAt = 0;
  #checkedAddress = '';
  #isUnicast = false;

  private constructor(options: PhoneLegOptions) {
    this.#options = options;
    this.#digits = new PhoneDigits(options.onDigit);
    this.#rtcp = new RtcpSession({
      transmit: (packet, length) => this.#transmitRtcp(packet, length),
      onLoss: (percent) => this.#sender?.setExpectedLoss(percent),
    });
  }

  static async bind(options: PhoneLegOptions): Promise<WorkerResult<PhoneLeg>> {
    const leg = new PhoneLeg(options);
    // A phone is reached over IPv4 unless an IPv6 address is configured: an SDP body names one family.
    const address = isWildcard(options.address) ? '0.0.0.0' : options.address;
    const bound = await bindPhoneSockets(address, options.rtpPort, options.rtcpPort, {
      onRtp: (datagram, from, agoMs) => options.guard(() => leg.#receiveRtp(datagram, from, agoMs)),
      onRtcp: (datagram, from) => options.guard(() => leg.#receiveRtcp(datagram, from)),
      onError: (errno) => leg.#drops.add(errno),
    });
    if (!bound.ok) return bound;
    leg.#sockets = bound.value;
    return { ok: true, value: leg };
  }

  /** Samples in a second of both directions; undefined before the first offer/answer. */
  get rate(): AudioRate | undefined {
    return this.#phone && codecRates[this.#phone.codec];
  }

  /** The direction lets the phone hear the room. */
  get hears(): boolean {
    return this.#phone?.direction === 'sendrecv' || this.#phone?.direction === 'sendonly';
  }

  /** What it hears while it holds and can still listen; undefined: it does not hold, or nothing is sent to it. */
  get holdMusic(): string | undefined {
    return this.#phone?.direction === 'recvonly' ? this.#phone.holdMusic : undefined;
  }

  /** The phone's voice is for the room. What a held phone sends (its PBX's music) is not. */
  get speaks(): boolean {
    return this.#phone?.direction === 'sendrecv';
  }

  /** Takes a new agreement. What it leaves as it was goes on undisturbed; the source is unlocked. */
  connect(phone: PhoneMedia): void {
    const before = this.#phone;
    this.#phone = phone;
    this.#lock = new SourceLock(phone.remote);
    this.#heardAt = this.#options.now();
    this.#wasSilent = false;
    this.#srtp.connect(phone.srtp);
    this.#digits.connect(phone);
    if (before?.codec !== phone.codec || this.#playout === undefined) this.#decodeAs(phone.codec, phone);
    if (before === undefined || !sendsAlike(before, phone)) {
      this.#sender?.close();
      this.#sender = new PhoneSender(phone, this.#sender?.stream, this.#srtp);
    }
  }

  /** Takes what has come. */
  receive(): void {
    this.#sockets?.rtp.read();
  }

  /** Fills 20 ms of the phone's voice; false when there is none. A key that is down is not for the room. */
  read(now: number, frame: Int16Array): boolean {
    if (!this.speaks || this.#playout?.read(now, frame) !== true) return false;
    this.#digits.hear(frame);
    return !this.#digits.isPressed;
  }

  /** Queues a digit as RFC 4733; false when the phone does not understand that. */
  sendDigit(digit: Digit): boolean {
    return this.#digits.send(digit);
  }

  /** See Playout; of the last `read`. */
  get slackMs(): number {
    return this.#playout?.slackMs ?? Number.NaN;
  }

  /** Gives 20 ms of a mix at its rate to the phone. `room` codes mixes for several phones; undefined: the mix is its own. */
  send(mix: Mix, room: RateMix | undefined): void {
    const to = this.#lock?.destination;
    const listens = this.hears || this.holdMusic !== undefined;
    if (to === undefined || !listens || to.port === 0 || !this.#maySendTo(to.address)) {
      this.#sender?.skip();
      return;
    }
    const transmit = (packet: Buffer, length: number): void =>
      this.#sockets?.rtp.send(packet, to.port, to.address, length);
    if (this.#sender === undefined || this.#digits.sendTick(this.#sender, transmit)) return;
    this.#sender.send(mix, room, transmit);
  }

  /** Looks after silence and reports; every 20 ms. */
  tick(now: number): void {
    if (this.#phone === undefined || this.#sender === undefined) return;
    this.#digits.tick(now);
    this.#rtcp.tick(now, this.#sender.stream);
    const patience = this.#wasHeard ? silentLaterMs : silentAtFirstMs;
    if (!this.speaks) this.#heardAt = now;
    else if (!this.#wasSilent && now - this.#heardAt >= patience) {
      this.#wasSilent = true;
      this.#options.onSilent();
    }
  }

  statistics(): LegStatistics {
    const { packetsLost, jitterMs } = this.#rtcp.reception(this.#lock?.ssrc);
    const { roundTripMs } = this.#rtcp;
    const reception = {
      codec: this.#phone?.codec ?? 'PCMU',
      packetsReceived: this.#packetsReceived,
      packetsLost,
      packetsLate: this.#playout?.buffer.counters.late ?? 0,
      bufferMs: this.#playout?.bufferMs ?? 0,
      roundTripMs,
    };
    return {
      framesConcealed: this.#playout?.framesConcealed ?? 0,
      framesRecovered: this.#playout?.framesRecovered ?? 0,
      packetsLate: reception.packetsLate,
      bufferMs: reception.bufferMs,
      roundTripMs,
      mos: scoreOf(reception),
      packetsSent: this.#sender?.stream.packetsSent ?? 0,
      packetsReceived: this.#packetsReceived,
      packetsLost,
      jitterMs,
      dropped: this.#drops.counts,
    };
  }

  /** Resolves when the ports are free, whatever goes wrong in taking leave. */
  async close(): Promise<void> {
    try {
      if (this.#sender !== undefined) this.#rtcp.bye(this.#sender.stream, this.#options.now());
    } finally {
      this.#playout?.close();
      this.#sender?.close();
      await this.#sockets?.close();
      this.#srtp.end();
    }
  }

  #receiveRtp(datagram: Buffer, from: TransportAddress, agoMs: number): void {
    const refused = this.#handleRtp(datagram, from, agoMs);
    if (refused !== undefined) this.#drops.add(refused);
  }

  #handleRtp(datagram: Buffer, from: TransportAddress, agoMs: number): string | undefined {
    const phone = this.#phone;
    if (phone === undefined) return 'early';
    const header = this.#header;
    if (datagram.length > longestPacket) return 'malformed';
    const length = this.#srtp.open(datagram, false);
    if (typeof length === 'string') return length;
    if (!parseRtp(datagram, header, 0, length)) return 'malformed';
    const kind = this.#kindOf(header.payloadType, phone);
    if (kind === undefined) return 'payload';
    const refused = this.#lock?.refuses(from, header.ssrc, header.payloadType, header.sequence);
    if (refused !== undefined) return refused;
    const codec = codecOf(header.payloadType, phone) ?? this.#decoding;
    if (codec !== undefined && codec !== this.#decoding) this.#decodeAs(codec, phone);
    this.#take(kind, header, datagram, this.#options.now() - agoMs);
    return undefined;
  }

  /** Some phones send comfort noise under its fixed number without having negotiated it (RFC 3389 §4). */
  #kindOf(payloadType: number, phone: PhoneMedia): 'audio' | 'event' | 'noise' | undefined {
    if (codecOf(payloadType, phone) !== undefined) return 'audio';
    if (this.#digits.isEvent(payloadType)) return 'event';
    const isNoise = payloadType === comfortNoise || payloadType === phone.comfortNoise;
    return isNoise && phone.codec !== 'opus' ? 'noise' : undefined;
  }

  #take(kind: 'audio' | 'event' | 'noise', header: RtpHeader, datagram: Buffer, now: number): void {
    this.#noteHeard(now);
    if (kind === 'event' && !this.#digits.receive(header, datagram, now)) this.#drops.add('event');
    this.#rtcp.received(header, now, this.#playout?.clockRate ?? 8000);
    if (header.ssrc !== this.#playing) this.#restart(header.ssrc);
    if (kind !== 'audio') {
      this.#gaps.note(header.sequence);
      this.#playout?.buffer.pause();
    } else if (this.speaks) {
      header.sequence = this.#gaps.without(header.sequence);
      this.#playout?.push(header, datagram, now);
    }
  }

  #decodeAs(codec: Codec, phone: PhoneMedia): void {
    this.#decoding = codec;
    this.#playout?.close();
    this.#playout = new Playout(decoderFor(codec, phone));
  }

  /** Another SSRC has its own numbering: nothing of the one before is waited for. */
  #restart(ssrc: number): void {
    this.#playing = ssrc;
    this.#playout?.reset();
    this.#gaps.reset();
  }

  #noteHeard(now: number): void {
    this.#packetsReceived += 1;
    this.#heardAt = now;
    this.#wasSilent = false;
    if (this.#wasHeard) return;
    this.#wasHeard = true;
    this.#options.onHeard();
  }

  #receiveRtcp(datagram: Buffer, from: TransportAddress): void {
    const refused = this.#handleRtcp(datagram, from);
    if (refused !== undefined) this.#drops.add(refused);
  }

  #handleRtcp(datagram: Buffer, from: TransportAddress): string | undefined {
    if (this.#lock?.isPeer(from.address) !== true) return 'source-address';
    const length = this.#srtp.open(datagram, true);
    if (typeof length === 'string') return length;
    const isRead = this.#rtcp.receive(datagram, length, this.#options.now(), this.#sender?.stream);
    return isRead ? undefined : 'malformed';
  }

  /** It is asked with each packet, and the answer hardly ever changes. */
  #maySendTo(address: string): boolean {
    if (address !== this.#checkedAddress) {
      this.#checkedAddress = address;
      this.#isUnicast = isUnicastAddress(address);
    }
    return this.#isUnicast;
  }

  #transmitRtcp(packet: Buffer, length: number): void {
    const [lock, phone] = [this.#lock, this.#phone];
    if (lock === undefined || phone === undefined || !this.#maySendTo(lock.destination.address)) return;
    const { address, port } = lock.destination;
    const isSignalled = address === phone.remote.address && port === phone.remote.port;
    const rtcpPort = isSignalled ? phone.remote.rtcpPort : port + 1;
    if (rtcpPort <= 0 || rtcpPort > 65_535) return;
    const closed = this.#srtp.close(packet, length, true);
    if (closed !== undefined) this.#sockets?.rtcp.send(packet, rtcpPort, address, closed);
  }
}

function sendsAlike(one: PhoneMedia, other: PhoneMedia): boolean {
  return (
    one.codec === other.codec &&
    one.sendPayloadType === other.sendPayloadType &&
    one.ptimeMs === other.ptimeMs &&
    one.dtx === other.dtx &&
    one.comfortNoise === other.comfortNoise
  );
}
