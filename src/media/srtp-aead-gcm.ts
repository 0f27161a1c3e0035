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
    this.#cipher.seal(packet, headerLength, length, this.#rtpIv(ssrc, index), packet, headerLength);
    return length + TAG;
  }

  unprotectRtp(packet: Buffer, headerLength: number, length: number, ssrc: number, index: number): number {
    const [iv, end] = [this.#rtpIv(ssrc, index), length - TAG];
    return this.#cipher.open(packet, headerLength, end, iv, packet, headerLength) ? end : -1;
  }

  protectRtcp(packet: Buffer, length: number, ssrc: number, index: number): number {
    const word = (ENCRYPTED | index) >>> 0;
    const [iv, associated] = [this.#rtcpIv(ssrc, index), this.#associated(packet, word)];
    this.#cipher.seal(packet, RTCP_HEADER, length, iv, associated, associated.length);
    packet.writeUInt32BE(word, length + TAG);
    return length + TAG + INDEX;
  }

  unprotectRtcp(packet: Buffer, length: number, ssrc: number): number {
    const end = length - INDEX - TAG;
    const word = packet.readUInt32BE(length - INDEX);
    const isEncrypted = word >= ENCRYPTED;
    // Only authenticated: all of it is associated data, the index last (RFC 7714 §9.3).
    const associated = isEncrypted
      ? this.#associated(packet, word)
      : Buffer.concat([packet.subarray(0, end), packet.subarray(length - INDEX, length)]);
    const iv = this.#rtcpIv(ssrc, word & 0x7fffffff);
    const start = isEncrypted ? RTCP_HEADER : end;
    return this.#cipher.open(packet, start, end, iv, associated, associated.length) ? end : -1;
  }

  rtcpIndexWord(packet: Buffer, length: number): number {
    return packet.readUInt32BE(length - INDEX);
  }

  close(): void {
    this.#cipher.free();
  }

  /** 00 00 ‖ SSRC ‖ ROC ‖ SEQ, ⊕ salt (RFC 7714 §8.1). */
  #rtpIv(ssrc: number, index: number): Buffer {
    return this.#salted(ssrc, Math.floor(index / 65536), index % 65536);
  }

  /** 00 00 ‖ SSRC ‖ 00 00 ‖ SRTCP index, ⊕ salt (RFC 7714 §9.1). */
  #rtcpIv(ssrc: number, index: number): Buffer {
    return this.#salted(ssrc, index >>> 16, index & 0xffff);
  }

  /** 16 bits of nothing, 32, 32 and 16 of these, ⊕ salt. */
  #salted(first: number, second: number, third: number): Buffer {
    const [iv, salt] = [this.#iv, this.#salt];
    iv.writeUInt16BE(salt.readUInt16BE(0), 0);
    iv.writeInt32BE(first ^ salt.readInt32BE(2), 2);
    iv.writeInt32BE(second ^ salt.readInt32BE(6), 6);
    iv.writeUInt16BE(third ^ salt.readUInt16BE(10), 10);
    return iv;
  }

  #associated(packet: Buffer, word: number): Buffer {
    packet.copy(this.#rtcpHeader, 0, 0, RTCP_HEADER);
    this.#rtcpHeader.writeUInt32BE(word, RTCP_HEADER);
    return this.#rtcpHeader;
  }
}
