import type { EventEmitter } from 'node:events';
import type { Codec } from '../config/config.ts';
import type { Failure, Result } from '../errors.ts';
import type { Digit } from './dtmf-event.ts';

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
  /**
   * Sends digits (`0…9 * # A…D`, a comma is a pause of a second) one after the other. `phone`: by `PhoneMedia.digits`, where `info`
   * counts as in-band because INFO is not media. `room`: RFC 4733, when the bridge offered it.
   */
  sendDtmf(digits: string, leg: 'phone' | 'room'): void;
  /**
   * Plays prompts and tones into a leg, one behind the other, behind what plays there already. Resolves when the last is over, or was
   * stopped. Fails when a file cannot be read, or the call is over.
   */
  play(prompts: readonly Prompt[], options?: PlayOptions): Promise<Result<'ended' | 'stopped'>>;
  /** Ends what plays into a leg and empties its queue. */
  stopPlaying(leg: 'phone' | 'room'): void;
  statistics(): Promise<MediaStatistics>;
  /** Ends both legs and frees the ports. */
  close(): Promise<void>;
}

export type Prompt =
  /** Ogg Opus, or WAVE with 16-bit PCM at 8, 16 or 48 kHz. `loop`: until it is stopped. */
  | { readonly kind: 'file'; readonly path: string; readonly loop?: boolean }
  /** Sines of these frequencies (Hz) together; none: silence. `levelDb` is that of each, −dBov, −15 by default. A minute at most. */
  | {
      readonly kind: 'tone';
      readonly frequencies: readonly number[];
      readonly ms: number;
      readonly levelDb?: number;
    };

export interface PlayOptions {
  /** Who hears it; default: the phone. */
  readonly leg?: 'phone' | 'room';
  /** What becomes of the leg's other audio meanwhile: it goes on quietly (default), or is not heard. */
  readonly mode?: 'duck' | 'replace';
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
  /**
   * A key was pressed and released: by the phone (RFC 4733, or heard in the audio), or by somebody in the room. Digits of the room
   * have been passed on to the phone already, unless `PhoneMedia.digits` is `info`.
   */
  digit: [digit: Digit, leg: 'phone' | 'room'];
  /** `PhoneMedia.holdMusic` cannot be played: the phone hears silence. */
  'hold-music-failed': [why: Failure];
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
  /** Other codecs that the phone may change to by itself, under our numbers. */
  readonly alternatives?: readonly { readonly codec: Codec; readonly payloadType: number }[];
  /** RFC 4733, when negotiated. `receivePayloadType` is given when the peer may send with another number than we do. */
  readonly telephoneEvent:
    | { readonly payloadType: number; readonly receivePayloadType?: number; readonly clockRate: number }
    | undefined;
  /** How digits reach the phone; default: RFC 4733 when it is negotiated, else tones in the audio. */
  readonly digits?: 'rfc4733' | 'inband' | 'info';
  /** Hear digits in the phone's audio when RFC 4733 is not negotiated. */
  readonly detectTones?: boolean;
  /** Encrypt and authenticate (RFC 3711). */
  readonly srtp?: PhoneSrtpKeys | undefined;
  /** Milliseconds of audio in a packet that we send: 10 to 60. */
  readonly ptimeMs: number;
  /** The phone asked for discontinuous transmission of Opus (`usedtx=1`, RFC 7587 §6.1): silence need not be sent. */
  readonly dtx?: true;
  /** Payload number under which it takes comfort noise in place of silence (RFC 3389); G.711 only. */
  readonly comfortNoise?: number;
  /** Path of a sound file that is played in a loop while `direction` is `recvonly`; without it nothing is sent then. */
  readonly holdMusic?: string | undefined;
  /** Our direction: `recvonly` when the peer put us on hold with `sendonly`. */
  readonly direction: 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';
}

/** Keys that SDP agreed (RFC 4568): 16 bytes of master key and 14 of salt each, in base64. Never to be logged. */
export interface PhoneSrtpKeys {
  readonly profile: 'AES_CM_128_HMAC_SHA1_80' | 'AES_CM_128_HMAC_SHA1_32';
  readonly sendKey: string;
  readonly receiveKey: string;
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
  /** Frames of 20 ms that were made up in place of lost audio; only for the phone, the room's are told by source. */
  readonly framesConcealed?: number;
  /** As `SourceStatistics.framesRecovered`; only for the phone. */
  readonly framesRecovered?: number;
  /** Milliseconds that packets wait to be in order and in time; only for the phone. */
  readonly bufferMs?: number;
  /** Packets that came too late to be played; only for the phone. */
  readonly packetsLate?: number;
  /** How loud the voice is, dBov of the last frame that was heard: −127 is silence. Only for the phone. */
  readonly levelDb?: number;
  /** By RTCP; undefined: not known yet. */
  readonly roundTripMs?: number | undefined;
  /** How what we receive sounds, 1…4.5: an estimate by the E-model (ITU-T G.107). Undefined: nothing was received. */
  readonly mos?: number | undefined;
  /** Packets refused, by reason (`ssrc`, `payload`, `source-address`, `auth`, `replay`, `malformed`, …). */
  readonly dropped: Readonly<Record<string, number>>;
}

export interface SourceStatistics {
  readonly ssrc: number;
  readonly packetsReceived: number;
  readonly packetsLost: number;
  readonly packetsLate: number;
  readonly framesConcealed: number;
  /** Losses that were restored from Opus in-band FEC; such a frame counts among `framesConcealed` too. */
  readonly framesRecovered: number;
  readonly bufferMs: number;
  /** Interarrival jitter (RFC 3550 §6.4.1). */
  readonly jitterMs: number;
  /** How loud it is, dBov: 0 is the loudest, −127 silence. Smoothed; what its packets say (RFC 6464). Undefined: they do not. */
  readonly levelDb: number | undefined;
  /** As `LegStatistics.mos`. */
  readonly mos?: number | undefined;
}
