import type { EventEmitter } from 'node:events';
import type { Codec } from '../config/config.ts';
import type { Failure, Result } from '../errors.ts';

/** The main thread's face of the media workers. Audio never crosses it. */
export interface MediaEngine {
  start(): Promise<void>;
  /** Closes all calls, sockets and threads. */
  stop(): Promise<void>;
  /** Places a call on a worker; calls of one room go to one worker. Fails with `over-capacity`. */
  open(callId: string, room: string): Promise<Result<MediaCall>>;
}

/** The media of one call: a phone leg (RTP) and a bridge leg (ICE, DTLS-SRTP), joined by a mixer in a worker. */
export interface MediaCall extends EventEmitter<MediaCallEvents> {
  /** Binds the phone's RTP and RTCP ports (even, odd). Fails with `ports-exhausted`. Idempotent. */
  openPhone(): Promise<Result<{ readonly rtpPort: number; readonly rtcpPort: number }>>;
  /** Says what to send where; called again after each new offer/answer (hold, codec or address change). */
  connectPhone(phone: PhoneMedia): Promise<Result<void>>;
  /**
   * Starts a bridge leg for a Jingle session: binds one new UDP port, starts ICE (full, controlled) and DTLS (active) in the
   * background and answers at once with our half. A leg that is still there is replaced. `bridge-up` or `bridge-down` follow.
   */
  connectBridge(offer: BridgeOffer): Promise<Result<BridgeAnswer>>;
  /** SSRCs that the focus signalled; others are not heard. */
  addSources(ssrcs: readonly number[]): void;
  removeSources(ssrcs: readonly number[]): void;
  /** Remote candidates that came later (transport-info). */
  addCandidates(candidates: readonly IceCandidate[]): void;
  /** Ends the bridge leg and frees its port; the phone leg stays and hears silence. */
  closeBridge(): void;
  /** `phone`: the phone's voice does not reach the room. `room`: the room does not reach the phone. Streams stay alive. */
  mute(leg: 'phone' | 'room', on: boolean): void;
  statistics(): Promise<MediaStatistics>;
  /** Ends both legs and frees the ports. */
  close(): Promise<void>;
}

export interface MediaCallEvents {
  /** DTLS is done: media flows both ways. */
  'bridge-up': [];
  /** `ice-failed`, `dtls-failed`, `bridge-lost`. The leg is closed. */
  'bridge-down': [why: Failure];
  /** No RTP from the phone for 30 s at first, 60 s later, while it should send. */
  'phone-silent': [];
  /** The first RTP packet of the phone arrived. */
  'phone-heard': [];
  /** The worker died or the call is broken: it cannot be used any more. */
  failed: [why: Failure];
}

/** The negotiated phone side (RFC 3264), as SDP gave it. */
export interface PhoneMedia {
  readonly remote: { readonly address: string; readonly port: number; readonly rtcpPort: number };
  readonly codec: Codec;
  /** Payload number in what we send (the peer's number) and in what we receive (ours). */
  readonly sendPayloadType: number;
  readonly receivePayloadType: number;
  /** RFC 4733, when negotiated. `receivePayloadType` is given when the peer may send with another number than we do. */
  readonly telephoneEvent:
    | { readonly payloadType: number; readonly receivePayloadType?: number; readonly clockRate: number }
    | undefined;
  /** Milliseconds of audio in a packet that we send: 10 to 60. */
  readonly ptimeMs: number;
  /** Our direction: `recvonly` when the peer put us on hold with `sendonly`. */
  readonly direction: 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';
}

/** What a session-initiate says about media (XEP-0167, XEP-0176, XEP-0320). */
export interface BridgeOffer {
  readonly transport: IceTransport;
  readonly fingerprint: DtlsFingerprint;
  readonly opusPayloadType: number;
  readonly telephoneEventPayloadType: number | undefined;
  /** RTP header extension id of urn:ietf:params:rtp-hdrext:ssrc-audio-level (RFC 6464). */
  readonly audioLevelId: number | undefined;
  readonly sources: readonly number[];
}

/** Our half of the transport, and the SSRC we send with. */
export interface BridgeAnswer {
  readonly transport: IceTransport;
  readonly fingerprint: DtlsFingerprint;
  readonly ssrc: number;
}

export interface IceTransport {
  readonly ufrag: string;
  readonly pwd: string;
  readonly candidates: readonly IceCandidate[];
}

/** RFC 8445 §5; only component 1, UDP. */
export interface IceCandidate {
  readonly foundation: string;
  readonly priority: number;
  readonly address: string;
  readonly port: number;
  readonly type: 'host' | 'srflx' | 'prflx' | 'relay';
}

export interface DtlsFingerprint {
  /** `sha-256` or stronger. */
  readonly hash: string;
  /** Upper-case hexadecimal with colons. */
  readonly value: string;
  readonly setup: 'actpass' | 'active' | 'passive';
}

export interface MediaStatistics {
  readonly phone: LegStatistics;
  readonly bridge: LegStatistics;
  /** Per conference source. */
  readonly sources: readonly SourceStatistics[];
}

export interface LegStatistics {
  readonly packetsSent: number;
  readonly packetsReceived: number;
  readonly packetsLost: number;
  readonly jitterMs: number;
  /** Packets refused, by reason (`ssrc`, `payload`, `source-address`, `auth`, `replay`, `malformed`, …). */
  readonly dropped: Readonly<Record<string, number>>;
}

export interface SourceStatistics {
  readonly ssrc: number;
  readonly packetsReceived: number;
  readonly packetsLost: number;
  readonly packetsLate: number;
  readonly framesConcealed: number;
  readonly bufferMs: number;
}
