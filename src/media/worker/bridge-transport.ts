import { randomBytes } from 'node:crypto';
import { type Failure, failure, ok } from '../../errors.ts';
import type { BridgeOffer, IceCandidate, IceTransport } from '../media-engine.ts';
import { packetCiphers } from '../packet-ciphers.ts';
import { packetKind } from '../packet-kind.ts';
import type { WorkerResult, WorkerSettings } from '../protocol.ts';
import { SrtpContext, srtpErrorName } from '../srtp.ts';
import { type SrtpProfile, srtpProfiles } from '../srtp-key-derivation.ts';
import { isStrongHash } from './dtls-verification.ts';
import { type Handshake, openHandshake } from './handshakes.ts';
import { hostCandidates, isReachable, reflexiveCandidate } from './ice-addresses.ts';
import { IceAgent } from './ice-agent.ts';
import { bindIceSocket, type IceSocket } from './ice-socket.ts';
import type { TransportAddress } from './stun-address.ts';
import { queryMappedAddress } from './stun-query.ts';
import { bindRefused } from './udp-socket.ts';
import type { DtlsCertificate, SrtpKeys } from './werift.ts';

export interface BridgeTransportOptions {
  readonly settings: WorkerSettings;
  readonly certificate: DtlsCertificate;
  readonly port: number;
  readonly offer: BridgeOffer;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
  readonly onUp: () => void;
  /** The transport has closed itself; `closed` tells when its socket is gone. */
  readonly onDown: (why: Failure) => void;
  /** Why an RTP packet, of at least 12 bytes and still encrypted, is not worth decrypting; undefined: it is. */
  readonly spares: (packet: Buffer, arrivedMs: number) => string | undefined;
  /** Authenticated and decrypted, in `packet[0…length)`; the buffer may be kept. */
  readonly onRtp: (packet: Buffer, length: number, arrivedMs: number) => void;
  readonly onRtcp: (packet: Buffer, length: number, arrivedMs: number) => void;
  readonly drop: (reason: string) => void;
  /** Runs what a datagram causes; catches what it throws. */
  readonly guard: (work: () => void) => void;
}

/**
 * ICE, DTLS and SRTP of one Jingle session, on one UDP port of its own (a videobridge tells sessions apart by our address).
 * Datagrams from addresses that have not proven in a STUN check that they know the ICE password reach neither DTLS nor SRTP.
 */
export class BridgeTransport {
  readonly #options: BridgeTransportOptions;
  readonly #agent: IceAgent;
  readonly #dtls: Handshake;
  readonly #local = { ufrag: iceText(6), pwd: iceText(18) };
  #socket: IceSocket | undefined;
  #closed: Promise<void> | undefined;
  #dtlsStarted = false;
  #send: SrtpContext | undefined;
  #receive: SrtpContext | undefined;
  #onStunAnswer: ((datagram: Buffer) => boolean) | undefined;

  private constructor(options: BridgeTransportOptions) {
    const { offer, settings, drop } = options;
    this.#options = options;
    this.#agent = new IceAgent({
      local: this.#local,
      remote: offer.transport,
      transmit: (datagram, to) => this.#socket?.send(datagram, to),
      isReachable: (address) => isReachable(settings.address, address),
      onSelected: () => this.#startDtls(),
      onFailed: (why) => this.#end(failure(why)),
      drop,
    });
    this.#dtls = openHandshake({
      certificate: options.certificate,
      expected: offer.fingerprint,
      profiles: offeredProfiles(),
      transmit: (datagram) => options.guard(() => this.#transmit(datagram)),
      onKeys: (keys) => options.guard(() => this.#secure(keys)),
      onFailed: (detail) => options.guard(() => this.#end(failure('dtls-failed', detail))),
      drop,
    });
  }

  /** Binds the port and begins to check; fails with a `busyPort`, or with what is wrong in the offer. */
  static async open(options: BridgeTransportOptions): Promise<WorkerResult<BridgeTransport>> {
    const wrong = findWrong(options.offer);
    if (wrong !== undefined) return { ok: false, error: wrong };
    const transport = new BridgeTransport(options);
    const bound = await bindIceSocket(
      options.settings.address,
      options.port,
      options.offer.transport.candidates,
      {
        onDatagram: (datagram, from, agoMs) =>
          options.guard(() => transport.#datagram(datagram, from, options.now() - agoMs)),
        onError: (errno) => options.drop(errno),
      },
    );
    if (!bound.ok) return bindRefused(options.settings.address, bound.error);
    transport.#socket = bound.value;
    transport.addCandidates(options.offer.transport.candidates);
    transport.#agent.tick(options.now());
    return ok(transport);
  }

  /** Our half of the transport. Waits for the STUN server, when one is configured, half a second at most. */
  async describe(): Promise<IceTransport> {
    const { settings, offer, port } = this.#options;
    const candidates = hostCandidates(settings.address, port, offer.transport.candidates);
    if (settings.publicAddress !== undefined)
      candidates.push(reflexiveCandidate(settings.publicAddress, port));
    if (settings.stunServer !== undefined) {
      const mapped = await queryMappedAddress(settings.stunServer, {
        send: (datagram, to) => this.#socket?.send(datagram, to),
        listen: (listener) => {
          this.#onStunAnswer = listener;
        },
      });
      if (mapped !== undefined) candidates.push(reflexiveCandidate(mapped.address, mapped.port));
    }
    return { ...this.#local, candidates };
  }

  addCandidates(candidates: readonly IceCandidate[]): void {
    this.#agent.addRemote(candidates);
  }

  /** Hands over what has come. Before the keys are agreed that is not left to ticks (`readSockets`): they come too seldom for a set-up. */
  read(): void {
    if (this.isUp) this.#socket?.read();
  }

  tick(now: number): void {
    this.#agent.tick(now);
    if (this.#dtlsStarted) this.#dtls.tick(now);
  }

  /** True once keys are agreed. */
  get isUp(): boolean {
    return this.#send !== undefined && this.#closed === undefined;
  }

  /** Protects and sends `packet[0…length)`, in place: the buffer needs `SRTP_TAIL_ROOM` behind it. */
  sendRtp(packet: Buffer, length: number): void {
    const protectedLength = this.#send?.protect(packet, length) ?? -1;
    if (protectedLength > 0) this.#transmit(packet, protectedLength);
  }

  sendRtcp(packet: Buffer, length: number): void {
    const protectedLength = this.#send?.protectRtcp(packet, length) ?? -1;
    if (protectedLength > 0) this.#transmit(packet, protectedLength);
  }

  /** Resolves when the port is free. */
  close(): Promise<void> {
    this.#agent.close();
    this.#dtls.close();
    this.#send?.close();
    this.#receive?.close();
    this.#closed ??= this.#socket?.close() ?? Promise.resolve();
    return this.#closed;
  }

  #transmit(datagram: Buffer, length = datagram.length): void {
    const to = this.#agent.selected;
    if (to !== undefined && this.#closed === undefined) this.#socket?.send(datagram, to, length);
  }

  #datagram(datagram: Buffer, from: TransportAddress, arrivedMs: number): void {
    if (this.#closed !== undefined) return;
    const kind = packetKind(datagram);
    if (kind === 'stun') {
      if (this.#onStunAnswer?.(datagram) !== true) this.#agent.receive(datagram, from, this.#options.now());
    } else if (!this.#agent.isAuthenticated(from)) {
      this.#options.drop('source-address');
    } else if (kind === 'dtls') {
      this.#dtls.receive(datagram);
    } else if (kind === 'unknown') {
      this.#options.drop('malformed');
    } else {
      this.#media(kind, datagram, arrivedMs);
    }
  }

  #media(kind: 'rtp' | 'rtcp', datagram: Buffer, arrivedMs: number): void {
    const context = this.#receive;
    if (context === undefined) {
      this.#options.drop('early');
      return;
    }
    const spared = kind === 'rtp' ? this.#options.spares(datagram, arrivedMs) : undefined;
    if (spared !== undefined) {
      this.#options.drop(spared);
      return;
    }
    const length =
      kind === 'rtp'
        ? context.unprotect(datagram, datagram.length)
        : context.unprotectRtcp(datagram, datagram.length);
    if (length < 0) this.#options.drop(srtpErrorName(length));
    else if (kind === 'rtp') this.#options.onRtp(datagram, length, arrivedMs);
    else this.#options.onRtcp(datagram, length, arrivedMs);
  }

  #startDtls(): void {
    if (this.#dtlsStarted) return;
    this.#dtlsStarted = true;
    this.#dtls.start(this.#options.now());
  }

  #secure({ profile, local, remote }: SrtpKeys): void {
    this.#send = new SrtpContext(profile, local.key, local.salt);
    this.#receive = new SrtpContext(profile, remote.key, remote.salt);
    this.#options.onUp();
  }

  #end(why: Failure): void {
    void this.close();
    this.#options.onDown(why);
  }
}

/**
 * A videobridge that is offered both profiles takes AEAD_AES_128_GCM. By node:crypto that costs five times as much as the other, so it is
 * offered only where OpenSSL is called directly, or once a bridge has refused the other alone.
 */
function offeredProfiles(): readonly SrtpProfile[] {
  return packetCiphers().sealsFaster ? srtpProfiles : ['AES_CM_128_HMAC_SHA1_80'];
}

/** Letters and digits of base64: `ice-char` (RFC 8839 §5.4); 4 characters from 3 bytes. */
function iceText(bytes: number): string {
  return randomBytes(bytes).toString('base64');
}

function findWrong({ fingerprint, transport }: BridgeOffer): Failure | undefined {
  if (!isStrongHash(fingerprint.hash)) return failure('dtls-failed', 'no fingerprint of sha-256 or stronger');
  if (fingerprint.setup === 'active') return failure('dtls-failed', 'the bridge insists on the active role');
  if (!isBetween(transport.ufrag, 4, 256) || !isBetween(transport.pwd, 22, 256)) {
    return failure('ice-failed', 'no ICE credentials in the offer');
  }
  return undefined;
}

function isBetween(text: string, least: number, most: number): boolean {
  return text.length >= least && text.length <= most;
}
