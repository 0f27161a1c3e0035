import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import {
  classes,
  DtlsServer,
  keyLength,
  Message,
  ProtectionProfileAes128CmHmacSha1_80,
  parseMessage,
  RtpHeader,
  SrtpSession,
  saltLength,
} from 'werift';
import { audioLevelUri } from './bridge-sdp.ts';
import type { EndpointAnswer } from './media-bridge.ts';
import { readRtp } from './rtp-watch.ts';
import { udpType } from './udp-type.ts';

export interface LightCertificate {
  readonly certPem: string;
  readonly keyPem: string;
  readonly signatureHash: { readonly hash: 4; readonly signature: 1 | 3 };
}

/** What came from a gateway leg since the last question. */
export interface LightReception {
  readonly packets: number;
  /** Sequence numbers that never came. */
  readonly missing: number;
  readonly longestPauseMs: number;
  /** Pauses of more than 60 ms. */
  readonly pauses: number;
  /** Packets with audio level 60…127. */
  readonly quiet: number;
  readonly undecipherable: number;
}

interface LightLegOptions {
  readonly certificate: LightCertificate;
  readonly ufrag: string;
  readonly pwd: string;
  /** Opus packets of 20 ms, played again and again for each source. */
  readonly packets: readonly Buffer[];
  /** A deciphered packet of the gateway: its Opus payload. */
  readonly heard: (payload: Buffer) => void;
  /** Each datagram that passes, in both directions, as it is on the wire. */
  readonly passed?: (datagram: Buffer) => void;
}

interface Sending {
  sequence: number;
  at: number;
}

type DtlsTransport = ConstructorParameters<typeof DtlsServer>[0]['transport'];
const quietLevel = 60;
const frameMs = 20;
const longPauseMs = 60;

/**
 * The bridge's media end for one gateway leg at a fraction of libwebrtc's cost: answers the gateway's ICE checks (it sends none
 * itself), DTLS server and SRTP by werift, Opus that was encoded before. Made for load, not for tests of ICE.
 */
export class LightLeg {
  readonly #options: LightLegOptions;
  readonly #socket: Socket;
  readonly #sources = new Map<number, Sending>();
  readonly #transport: DtlsTransport;
  #gateway: { address: string; port: number } | undefined;
  #answer: EndpointAnswer | undefined;
  #levelId: number | undefined;
  #srtp: SrtpSession | undefined;
  #timer: NodeJS.Timeout | undefined;
  #due = 0;
  #timestamp = (Math.random() * 2 ** 31) | 0;
  #highest: number | undefined;
  #lastAt = 0;
  #reception = nothing();
  #closed = false;

  static async open(address: string, options: LightLegOptions): Promise<LightLeg> {
    const socket = createSocket(udpType(address));
    socket.bind(0, address);
    await once(socket, 'listening');
    return new LightLeg(socket, options);
  }

  private constructor(socket: Socket, options: LightLegOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on('error', () => {});
    socket.on('message', (datagram, from) => this.#received(datagram, from));
    this.#transport = {
      type: 'ice',
      address: { address: '', family: '', port: 0 },
      onData: () => {},
      closed: false,
      send: async (datagram: Buffer) => this.#send(datagram),
      close: async () => {},
    };
    const { certPem, keyPem, signatureHash } = options.certificate;
    const server = new DtlsServer({
      cert: certPem,
      key: keyPem,
      signatureHash,
      transport: this.#transport,
      srtpProfiles: [ProtectionProfileAes128CmHmacSha1_80],
      extendedMasterSecret: true,
      certificateRequest: true,
    });
    server.onError.subscribe(() => {});
    server.onConnect.subscribe(() => this.#secure(server));
  }

  get port(): number {
    return this.#socket.address().port;
  }

  accept(answer: EndpointAnswer): void {
    this.#answer = answer;
    this.#levelId = answer.headerExtensions.get(audioLevelUri);
  }

  /** Sends these from now on, all the same sound. */
  setSources(ssrcs: readonly number[]): void {
    for (const ssrc of this.#sources.keys()) if (!ssrcs.includes(ssrc)) this.#sources.delete(ssrc);
    for (const ssrc of ssrcs) {
      if (!this.#sources.has(ssrc)) this.#sources.set(ssrc, { sequence: 0, at: 0 });
    }
  }

  /** And begins to count anew. */
  takeReception(): LightReception {
    const taken = this.#reception;
    this.#reception = nothing();
    return taken;
  }

  /** Any datagram from this leg's own address. */
  sendRaw(datagram: Buffer): void {
    const to = this.#gateway;
    if (to !== undefined && !this.#closed) this.#socket.send(datagram, to.port, to.address);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket.close();
  }

  #send(datagram: Buffer): void {
    this.#options.passed?.(datagram);
    this.sendRaw(datagram);
  }

  #received(datagram: Buffer, from: RemoteInfo): void {
    this.#options.passed?.(datagram);
    const first = datagram[0] ?? 0;
    if (first < 4) this.#check(datagram, from);
    else if (first >= 20 && first <= 63) this.#transport.onData(datagram, ['', 0]);
    else if (first >= 128) this.#media(datagram);
  }

  /** RFC 8445 §7.3: a signed check gets its answer, and its sender is the gateway. */
  #check(datagram: Buffer, from: RemoteInfo): void {
    const key = Buffer.from(this.#options.pwd);
    const request = parseMessage(datagram, key);
    if (request === undefined || request.messageClass !== classes.REQUEST) return;
    this.#gateway = { address: from.address, port: from.port };
    const answer = new Message(request.messageMethod, classes.RESPONSE, request.transactionId);
    answer.setAttribute('XOR-MAPPED-ADDRESS', [from.address, from.port]);
    answer.addMessageIntegrity(key).addFingerprint();
    this.#send(answer.bytes);
  }

  #secure(server: DtlsServer): void {
    const profile = ProtectionProfileAes128CmHmacSha1_80;
    const keys = server.extractSessionKeys(keyLength(profile), saltLength(profile));
    this.#srtp = new SrtpSession({
      profile,
      keys: {
        localMasterKey: keys.localKey,
        localMasterSalt: keys.localSalt,
        remoteMasterKey: keys.remoteKey,
        remoteMasterSalt: keys.remoteSalt,
      },
    });
    this.#due = performance.now();
    this.#tick();
  }

  #media(datagram: Buffer): void {
    const srtp = this.#srtp;
    const header = readRtp(datagram, this.#levelId);
    if (srtp === undefined || header === undefined) return;
    try {
      const packet = srtp.decrypt(datagram);
      this.#count(header.sequence, header.level ?? 0);
      this.#options.heard(packet.subarray(RtpHeader.deSerialize(packet).payloadOffset));
    } catch {
      this.#reception.undecipherable += 1;
    }
  }

  #count(sequence: number, level: number): void {
    const now = performance.now();
    const reception = this.#reception;
    const ahead = this.#highest === undefined ? 1 : (sequence - this.#highest) & 0xffff;
    reception.missing += ahead < 0x8000 ? ahead - 1 : -1;
    if (ahead < 0x8000) this.#highest = sequence;
    const pause = this.#lastAt > 0 ? now - this.#lastAt : 0;
    this.#lastAt = now;
    reception.longestPauseMs = Math.max(reception.longestPauseMs, pause);
    if (pause > longPauseMs) reception.pauses += 1;
    reception.packets += 1;
    if (level >= quietLevel) reception.quiet += 1;
  }

  /** Frames are due by the clock since the beginning, so that no timer's lateness adds up. */
  #tick(): void {
    for (; this.#due <= performance.now(); this.#due += frameMs) this.#sendFrame();
    this.#timer = setTimeout(() => this.#tick(), Math.max(1, this.#due - performance.now()));
  }

  #sendFrame(): void {
    this.#timestamp = (this.#timestamp + 48 * frameMs) >>> 0;
    for (const [ssrc, sending] of this.#sources) {
      const { packets } = this.#options;
      const payload = packets[sending.at];
      if (payload === undefined || this.#srtp === undefined) continue;
      sending.at = (sending.at + 1) % packets.length;
      sending.sequence = (sending.sequence + 1) & 0xffff;
      this.#send(this.#srtp.encrypt(payload, this.#header(ssrc, sending.sequence)));
    }
  }

  #header(ssrc: number, sequence: number): RtpHeader {
    return new RtpHeader({
      payloadType: this.#answer?.opusPayloadType ?? 111,
      sequenceNumber: sequence,
      timestamp: this.#timestamp,
      ssrc,
      extension: true,
      extensionProfile: 0xbede,
      extensions: [{ id: this.#levelId ?? 1, payload: Buffer.from([0x80 | 15]) }],
    });
  }
}

function nothing() {
  return { packets: 0, missing: 0, longestPauseMs: 0, pauses: 0, quiet: 0, undecipherable: 0 };
}
