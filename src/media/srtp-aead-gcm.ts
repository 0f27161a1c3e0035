import { packetCiphers, type SealingCipher, GCM_TAG as TAG } from './packet-ciphers.ts';
import type { SessionKeys } from './srtp-key-derivation.ts';
import type { SrtpTransform } from './srtp-transform.ts';

const INDEX = 4;
const RTCP_HEADER = 8;
const ENCRYPTED = 0x80000000;

/** AEAD_AES_128_GCM (RFC 7714 §8, §9). */
export class SrtpAeadGcm implements SrtpTransform {
  readonly rtpOverhead = TAG;
  readonly rtcpOverhead = TAG + INDEX;
  readonly #cipher: SealingCipher;
  readonly #salt: Buffer;
  readonly #iv = Buffer.alloc(12);
  readonly #rtcpHeader = Buffer.alloc(RTCP_HEADER + INDEX);

  constructor(keys: SessionKeys) {
    this.#cipher = packetCiphers().sealing(keys.encryption);
    this.#salt = keys.salt;
  }

  protectRtp(packet: Buffer, headerLength: number, length: number, ssrc: number, index: number): number {
    const iv = this.#rtpIv(ssrc, index);
    return this.#seal(packet, headerLength, length, iv, packet.subarray(0, headerLength));
  }

  unprotectRtp(packet: Buffer, headerLength: number, length: number, ssrc: number, index: number): number {
    const iv = this.#rtpIv(ssrc, index);
    return this.#open(packet, headerLength, length - TAG, iv, packet.subarray(0, headerLength));
  }

  protectRtcp(packet: Buffer, length: number, ssrc: number, index: number): number {
    const word = (ENCRYPTED | index) >>> 0;
    const end = this.#seal(
      packet,
      RTCP_HEADER,
      length,
      this.#rtcpIv(ssrc, index),
      this.#associated(packet, word),
    );
    packet.writeUInt32BE(word, end);
    return end + INDEX;
  }

  unprotectRtcp(packet: Buffer, length: number, ssrc: number): number {
    const end = length - INDEX - TAG;
    const word = packet.readUInt32BE(length - INDEX);
    const iv = this.#rtcpIv(ssrc, word & 0x7fffffff);
    if (word >= ENCRYPTED) return this.#open(packet, RTCP_HEADER, end, iv, this.#associated(packet, word));
    // Only authenticated: all of it is associated data, the index last (RFC 7714 §9.3).
    const data = Buffer.concat([packet.subarray(0, end), packet.subarray(length - INDEX, length)]);
    return this.#open(packet, end, end, iv, data);
  }

  rtcpIndexWord(packet: Buffer, length: number): number {
    return packet.readUInt32BE(length - INDEX);
  }

  close(): void {
    this.#cipher.free();
  }

  #seal(packet: Buffer, start: number, end: number, iv: Buffer, associated: Buffer): number {
    this.#cipher.seal(packet, start, end, iv, associated);
    return end + TAG;
  }

  #open(packet: Buffer, start: number, end: number, iv: Buffer, associated: Buffer): number {
    return this.#cipher.open(packet, start, end, iv, associated) ? end : -1;
  }

  /** 00 00 ‖ SSRC ‖ ROC ‖ SEQ, ⊕ salt (RFC 7714 §8.1). */
  #rtpIv(ssrc: number, index: number): Buffer {
    const iv = this.#iv;
    iv.writeUInt16BE(0, 0);
    iv.writeUInt32BE(ssrc, 2);
    iv.writeUInt32BE(Math.floor(index / 65536) >>> 0, 6);
    iv.writeUInt16BE(index % 65536, 10);
    return this.#salted(iv);
  }

  /** 00 00 ‖ SSRC ‖ 00 00 ‖ SRTCP index, ⊕ salt (RFC 7714 §9.1). */
  #rtcpIv(ssrc: number, index: number): Buffer {
    const iv = this.#iv;
    iv.writeUInt16BE(0, 0);
    iv.writeUInt32BE(ssrc, 2);
    iv.writeUInt16BE(0, 6);
    iv.writeUInt32BE(index, 8);
    return this.#salted(iv);
  }

  #salted(iv: Buffer): Buffer {
    for (let byte = 0; byte < 12; byte++) iv[byte] = (iv[byte] as number) ^ (this.#salt[byte] as number);
    return iv;
  }

  #associated(packet: Buffer, word: number): Buffer {
    packet.copy(this.#rtcpHeader, 0, 0, RTCP_HEADER);
    this.#rtcpHeader.writeUInt32BE(word, RTCP_HEADER);
    return this.#rtcpHeader;
  }
}
