import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { EventEmitter, once } from 'node:events';
import { DtlsServer } from 'werift';
import type { BridgeAnswer, BridgeOffer } from '../../src/media/media-engine.ts';
import { newRtpHeader, parseRtp, type RtpFields, type RtpHeader, writeRtp } from '../../src/media/rtp.ts';
import { SrtpContext } from '../../src/media/srtp.ts';
import { bindingRequest, bindingSuccess, parseStun, serializeStun } from '../../src/media/worker/stun.ts';
import { StunKey } from '../../src/media/worker/stun-key.ts';
import { createCertificate, type DtlsCertificate } from '../../src/media/worker/werift.ts';

export interface BridgePacket {
  readonly header: RtpHeader;
  readonly payload: Buffer;
}

const numbers = { opus: 111, telephoneEvent: 126, audioLevel: 1 } as const;

type ServerTransport = ConstructorParameters<typeof DtlsServer>[0]['transport'];

/**
 * A bridge down to the single RTP packet, for what libwebrtc would not send or not show: ICE (controlling, one candidate), DTLS (server) and
 * SRTP for one leg.
 */
export class RtpBridge extends EventEmitter<{ up: []; rtp: [packet: BridgePacket] }> {
  /** Every packet that came, with its header. */
  readonly received: BridgePacket[] = [];
  readonly #socket: Socket;
  readonly #certificate: DtlsCertificate;
  readonly #local = { ufrag: randomBytes(3).toString('hex'), pwd: randomBytes(12).toString('hex') };
  readonly #transport: ServerTransport;
  readonly #server: DtlsServer;
  #remote: { readonly ufrag: string; readonly pwd: string } | undefined;
  /** Where the gateway is: its candidate, or where its first signed check came from. */
  #remotePort: number | undefined;
  #checks: NodeJS.Timeout | undefined;
  #send: SrtpContext | undefined;
  #receive: SrtpContext | undefined;

  static async start(): Promise<RtpBridge> {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new RtpBridge(socket, await createCertificate());
  }

  private constructor(socket: Socket, certificate: DtlsCertificate) {
    super();
    this.#socket = socket;
    this.#certificate = certificate;
    this.#transport = {
      type: 'test',
      address: { address: '', family: '', port: 0 },
      closed: false,
      onData: () => {},
      send: async (datagram) => this.#transmit(datagram),
      close: async () => {},
    };
    const { certPem, keyPem, signatureHash } = certificate;
    this.#server = new DtlsServer({
      cert: certPem,
      key: keyPem,
      signatureHash,
      transport: this.#transport,
      srtpProfiles: [1],
      extendedMasterSecret: true,
      certificateRequest: true,
    });
    this.#server.onConnect.once(() => this.#secure());
    socket.on('message', (datagram, from) => this.#datagram(datagram, from.port));
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** What the focus would say about us. */
  offer(sources: readonly number[]): BridgeOffer {
    const { port } = this;
    const candidate = { foundation: '1', priority: 2_130_706_431, address: '127.0.0.1', port };
    return {
      transport: { ...this.#local, candidates: [{ ...candidate, type: 'host' }] },
      fingerprint: { hash: 'sha-256', value: this.#certificate.fingerprint, setup: 'actpass' },
      opusPayloadType: numbers.opus,
      telephoneEventPayloadType: numbers.telephoneEvent,
      audioLevelId: numbers.audioLevel,
      sources,
    };
  }

  /** Takes the gateway's answer; resolves when media can flow. */
  async connect({ transport }: BridgeAnswer): Promise<void> {
    const candidate = transport.candidates.find(({ address }) => address === '127.0.0.1');
    if (candidate === undefined) throw new Error('the gateway has no candidate on loopback');
    const up = once(this, 'up');
    this.#begin(transport, candidate.port);
    await up;
  }

  /** As `connect`, for an answer whose candidates are withheld: the gateway's own checks say where it is. `up` follows. */
  accept(transport: { readonly ufrag: string; readonly pwd: string }): void {
    this.#begin(transport, undefined);
  }

  /** Sends one packet; the fields that are left out are zero. */
  send(fields: Partial<RtpFields>, payload: Buffer): void {
    const packet = Buffer.alloc(20 + payload.length + 20);
    const start = writeRtp(packet, {
      ...newRtpHeader(),
      payloadType: numbers.opus,
      audioLevel: -1,
      ...fields,
    });
    payload.copy(packet, start);
    const length = this.#send?.protect(packet, start + payload.length) ?? -1;
    if (length < 0) throw new Error('the bridge is not connected');
    this.#transmit(packet.subarray(0, length));
  }

  /** Sends a datagram as it is. */
  sendRaw(datagram: Buffer): void {
    this.#transmit(datagram);
  }

  /** Resolves with the first packet that came, or comes, for which `test` holds. */
  async packet(test: (packet: BridgePacket) => boolean): Promise<BridgePacket> {
    for (;;) {
      const found = this.received.find(test);
      if (found !== undefined) return found;
      await once(this, 'rtp');
    }
  }

  close(): void {
    clearInterval(this.#checks);
    this.#server.dtls.flight = Number.MAX_SAFE_INTEGER;
    this.#socket.close();
  }

  #begin({ ufrag, pwd }: { readonly ufrag: string; readonly pwd: string }, port: number | undefined): void {
    this.#remote = { ufrag, pwd };
    this.#remotePort ??= port;
    this.#check();
    this.#checks = setInterval(() => this.#check(), 200);
  }

  #transmit(datagram: Buffer): void {
    const port = this.#remotePort;
    if (port !== undefined) this.#socket.send(datagram, port, '127.0.0.1');
  }

  #check(): void {
    if (this.#remote === undefined) return;
    const content = {
      type: bindingRequest,
      transactionId: randomBytes(12).toString('hex'),
      username: `${this.#remote.ufrag}:${this.#local.ufrag}`,
      priority: 1_845_501_695,
      role: 'controlling',
      tieBreaker: 1n,
      useCandidate: true,
    } as const;
    this.#transmit(serializeStun(content, new StunKey(this.#remote.pwd)));
  }

  #datagram(datagram: Buffer, port: number): void {
    const first = datagram[0] ?? 0;
    if (first < 4) this.#answerCheck(datagram, port);
    else if (first < 64) this.#transport.onData(datagram, ['127.0.0.1', port]);
    else this.#media(datagram);
  }

  #answerCheck(datagram: Buffer, port: number): void {
    const message = parseStun(datagram);
    if (message?.type !== bindingRequest || !message.isSignedWith(new StunKey(this.#local.pwd))) return;
    this.#remotePort ??= port;
    const mappedAddress = { address: '127.0.0.1', port };
    const answer = { type: bindingSuccess, transactionId: message.transactionId, mappedAddress };
    this.#socket.send(serializeStun(answer, new StunKey(this.#local.pwd)), port, '127.0.0.1');
  }

  #secure(): void {
    const { localKey, localSalt, remoteKey, remoteSalt } = this.#server.extractSessionKeys(16, 14);
    this.#send = new SrtpContext('AES_CM_128_HMAC_SHA1_80', localKey, localSalt);
    this.#receive = new SrtpContext('AES_CM_128_HMAC_SHA1_80', remoteKey, remoteSalt);
    this.emit('up');
  }

  #media(datagram: Buffer): void {
    const second = datagram[1] ?? 0;
    if (this.#receive === undefined || (second >= 192 && second <= 223)) return;
    const length = this.#receive.unprotect(datagram, datagram.length);
    const header = newRtpHeader();
    if (length < 0 || !parseRtp(datagram, header, numbers.audioLevel, length)) return;
    const packet = { header, payload: datagram.subarray(header.payloadStart, header.payloadEnd) };
    this.received.push(packet);
    this.emit('rtp', packet);
  }
}
