import { HmacSha1 } from './hmac-sha1.ts';
import { type CounterCipher, packetCiphers } from './packet-ciphers.ts';
import type { SessionKeys } from './srtp-key-derivation.ts';
import type { SrtpTransform } from './srtp-transform.ts';

const TAG = 10;
const INDEX = 4;
const RTCP_HEADER = 8;
const ENCRYPTED = 0x80000000;

/** AES_CM_128_HMAC_SHA1_80 and _32 (RFC 3711 §4.1.1, §4.2.1). */
export class SrtpAesCm implements SrtpTransform {
  readonly rtpOverhead: number;
  readonly rtcpOverhead = INDEX + TAG;
  readonly #cipher: CounterCipher;
  readonly #hmac: HmacSha1;
  readonly #salt: Buffer;
  readonly #counter = Buffer.alloc(16);

  /** `rtpTag` is the length of the tag on RTP packets. */
  constructor(keys: SessionKeys, rtpTag = TAG) {
    this.rtpOverhead = rtpTag;
    this.#cipher = packetCiphers().counter(keys.encryption);
    this.#hmac = new HmacSha1(keys.authentication);
    this.#salt = keys.salt;
  }

  protectRtp(packet: Buffer, headerLength: number, length: number, ssrc: number, index: number): number {
    this.#xor(packet, headerLength, length, ssrc, index);
    this.#hmac.compute(packet, length, Math.floor(index / 65536)).copy(packet, length, 0, this.rtpOverhead);
    return length + this.rtpOverhead;
  }

  unprotectRtp(packet: Buffer, headerLength: number, length: number, ssrc: number, index: number): number {
    const end = length - this.rtpOverhead;
    const tag = this.#hmac.compute(packet, end, Math.floor(index / 65536));
    if (!sameTag(tag, packet, end, this.rtpOverhead)) return -1;
    this.#xor(packet, headerLength, end, ssrc, index);
    return end;
  }

  protectRtcp(packet: Buffer, length: number, ssrc: number, index: number): number {
    this.#xor(packet, RTCP_HEADER, length, ssrc, index);
    const word = (ENCRYPTED | index) >>> 0;
    packet.writeUInt32BE(word, length);
    this.#hmac.compute(packet, length, word).copy(packet, length + INDEX, 0, TAG);
    return length + INDEX + TAG;
  }

  unprotectRtcp(packet: Buffer, length: number, ssrc: number): number {
    const end = length - TAG - INDEX;
    const word = packet.readUInt32BE(end);
    const tag = this.#hmac.compute(packet, end, word);
    if (!sameTag(tag, packet, end + INDEX, TAG)) return -1;
    if (word >= ENCRYPTED) this.#xor(packet, RTCP_HEADER, end, ssrc, word & 0x7fffffff);
    return end;
  }

  rtcpIndexWord(packet: Buffer, length: number): number {
    return packet.readUInt32BE(length - TAG - INDEX);
  }

  close(): void {
    this.#cipher.free();
  }

  /** Keystream onto `packet[start…end)`: IV = salt·2¹⁶ ⊕ SSRC·2⁶⁴ ⊕ index·2¹⁶, counting up in the last 16 bits (§4.1.1). */
  #xor(packet: Buffer, start: number, end: number, ssrc: number, index: number): void {
    if (end <= start) return;
    const counter = this.#counter;
    this.#salt.copy(counter);
    const high = Math.floor(index / 65536);
    counter.writeInt32BE(counter.readInt32BE(4) ^ ssrc, 4);
    counter.writeInt32BE(counter.readInt32BE(8) ^ high, 8);
    counter.writeUInt16BE(counter.readUInt16BE(12) ^ (index & 0xffff), 12);
    counter.writeUInt16BE(0, 14);
    this.#cipher.add(packet, start, end, counter);
  }
}

/** Compares in constant time. */
function sameTag(tag: Buffer, packet: Buffer, at: number, length: number): boolean {
  let difference = 0;
  for (let byte = 0; byte < length; byte++) {
    difference |= (tag[byte] as number) ^ (packet[at + byte] as number);
  }
  return difference === 0;
}
