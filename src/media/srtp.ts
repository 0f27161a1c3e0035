import { ReplayWindow } from './replay-window.ts';
import { rtpHeaderLength } from './rtp.ts';
import { SrtpAeadGcm } from './srtp-aead-gcm.ts';
import { SrtpAesCm } from './srtp-aes-cm.ts';
import {
  type AnySrtpProfile,
  deriveSessionKeys,
  type SessionKeys,
  srtpKeyLengths,
} from './srtp-key-derivation.ts';
import type { SrtpTransform } from './srtp-transform.ts';

/** What `unprotect` answers instead of a length. */
export const SRTP_MALFORMED = -1;
export const SRTP_AUTH = -2;
export const SRTP_REPLAY = -3;

/** Bytes of room that a packet needs after its end for `protect` and `protectRtcp`, whatever the profile. */
export const SRTP_TAIL_ROOM = 20;

/** Packets above this are refused as malformed; no media packet comes near. */
const MAX_PACKET = 4096;
const MAX_SOURCES = 1024;
const RTCP_HEADER = 8;

interface Source {
  readonly rtp: ReplayWindow;
  readonly rtcp: ReplayWindow;
  lastUsed: number;
}

/** Name of a negative answer, for counters. */
export function srtpErrorName(code: number): 'malformed' | 'auth' | 'replay' {
  return code === SRTP_AUTH ? 'auth' : code === SRTP_REPLAY ? 'replay' : 'malformed';
}

/**
 * The cryptographic context of one direction (RFC 3711 §3.2): one master key, any number of SSRCs, SRTP and SRTCP. A DTLS
 * association has two: one protects, the other unprotects. Works in place; errors are negative answers, nothing throws on input.
 */
export class SrtpContext {
  readonly #rtp: SrtpTransform;
  readonly #rtcp: SrtpTransform;
  readonly #sources = new Map<number, Source>();
  #uses = 0;

  /** Throws when the key or the salt has not the length of the profile (`srtpKeyLengths`): a bug of the caller. */
  constructor(profile: AnySrtpProfile, masterKey: Buffer, masterSalt: Buffer) {
    const { key, salt } = srtpKeyLengths[profile];
    if (masterKey.length !== key || masterSalt.length !== salt) throw new Error('SRTP key or salt length');
    const keys = deriveSessionKeys(masterKey, masterSalt);
    this.#rtp = transform(profile, keys.rtp);
    this.#rtcp = transform(profile, keys.rtcp);
  }

  /** Protects the RTP packet `packet[0…length)`; answers its new length, or `SRTP_MALFORMED` (no RTP, or no tail room). */
  protect(packet: Buffer, length: number): number {
    const headerLength = rtpHeaderLength(packet, length);
    if (headerLength < 0 || !this.#hasRoom(packet, length, this.#rtp.rtpOverhead)) return SRTP_MALFORMED;
    const ssrc = packet.readUInt32BE(8);
    const source = this.#source(ssrc) ?? this.#addSource(ssrc);
    const index = source.rtp.guess(packet.readUInt16BE(2));
    if (index < 0) return SRTP_MALFORMED;
    source.rtp.record(index);
    return this.#rtp.protectRtp(packet, headerLength, length, ssrc, index);
  }

  /** Checks and decrypts; answers the length of the RTP packet, or one of the negative codes. */
  unprotect(packet: Buffer, length: number): number {
    if (length > MAX_PACKET) return SRTP_MALFORMED;
    const headerLength = rtpHeaderLength(packet, length);
    if (headerLength < 0 || length < headerLength + this.#rtp.rtpOverhead) return SRTP_MALFORMED;
    const ssrc = packet.readUInt32BE(8);
    const sequence = packet.readUInt16BE(2);
    const known = this.#source(ssrc);
    const index = known ? known.rtp.guess(sequence) : sequence;
    if (known?.rtp.refuses(index)) return SRTP_REPLAY;
    const end = this.#rtp.unprotectRtp(packet, headerLength, length, ssrc, index);
    if (end < 0) return SRTP_AUTH;
    (known ?? this.#addSource(ssrc)).rtp.record(index);
    return end;
  }

  /** Protects the compound RTCP packet `packet[0…length)`. */
  protectRtcp(packet: Buffer, length: number): number {
    if (length < RTCP_HEADER || !this.#hasRoom(packet, length, this.#rtcp.rtcpOverhead))
      return SRTP_MALFORMED;
    const ssrc = packet.readUInt32BE(4);
    const { rtcp } = this.#source(ssrc) ?? this.#addSource(ssrc);
    const index = rtcp.highest + 1;
    if (index > 0x7fffffff) return SRTP_MALFORMED; // the key is used up (RFC 3711 §9.2)
    rtcp.record(index);
    return this.#rtcp.protectRtcp(packet, length, ssrc, index);
  }

  unprotectRtcp(packet: Buffer, length: number): number {
    if (length > MAX_PACKET || length > packet.length) return SRTP_MALFORMED;
    if (length < RTCP_HEADER + this.#rtcp.rtcpOverhead) return SRTP_MALFORMED;
    const ssrc = packet.readUInt32BE(4);
    const index = this.#rtcp.rtcpIndexWord(packet, length) & 0x7fffffff;
    const known = this.#source(ssrc);
    if (known?.rtcp.refuses(index)) return SRTP_REPLAY;
    const end = this.#rtcp.unprotectRtcp(packet, length, ssrc);
    if (end < 0) return SRTP_AUTH;
    (known ?? this.#addSource(ssrc)).rtcp.record(index);
    return end;
  }

  /** Gives the keys' memory back; the context is of no use after that. */
  close(): void {
    this.#rtp.close();
    this.#rtcp.close();
  }

  #hasRoom(packet: Buffer, length: number, overhead: number): boolean {
    return length + overhead <= packet.length && length <= MAX_PACKET;
  }

  #source(ssrc: number): Source | undefined {
    const source = this.#sources.get(ssrc);
    if (source) source.lastUsed = this.#uses++;
    return source;
  }

  /** Called only for authenticated packets. The peer may still send under ever new SSRCs: the one idle for longest is forgotten. */
  #addSource(ssrc: number): Source {
    if (this.#sources.size >= MAX_SOURCES) this.#forgetIdlest();
    const source = { rtp: new ReplayWindow(), rtcp: new ReplayWindow(), lastUsed: this.#uses++ };
    this.#sources.set(ssrc, source);
    return source;
  }

  #forgetIdlest(): void {
    let idlest: number | undefined;
    let lastUsed = Number.POSITIVE_INFINITY;
    for (const [ssrc, source] of this.#sources) {
      if (source.lastUsed < lastUsed) {
        lastUsed = source.lastUsed;
        idlest = ssrc;
      }
    }
    if (idlest !== undefined) this.#sources.delete(idlest);
  }
}

/** Bytes of the tag on RTP packets; on RTCP it is 10 in any case (RFC 3711 §5.2). */
const rtpTags = { AES_CM_128_HMAC_SHA1_80: 10, AES_CM_128_HMAC_SHA1_32: 4 } as const;

function transform(profile: AnySrtpProfile, keys: SessionKeys): SrtpTransform {
  return profile === 'AEAD_AES_128_GCM' ? new SrtpAeadGcm(keys) : new SrtpAesCm(keys, rtpTags[profile]);
}
