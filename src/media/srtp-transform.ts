/**
 * Encryption and authentication of single packets, in place, with the session keys of SRTP or of SRTCP. It knows nothing of
 * rollover or replay: the index comes from outside.
 */
export interface SrtpTransform {
  /** Bytes that `protect` adds to an RTP packet, and that `protectRtcp` adds to an RTCP packet. */
  readonly rtpOverhead: number;
  readonly rtcpOverhead: number;
  /** `index` is ROC·2¹⁶ + SEQ. Answers the new length; the buffer has `rtpOverhead` bytes of room after `length`. */
  protectRtp(packet: Buffer, headerLength: number, length: number, ssrc: number, index: number): number;
  /** Answers the length without the tag, or −1 when the tag is wrong (the packet may then be half decrypted). */
  unprotectRtp(packet: Buffer, headerLength: number, length: number, ssrc: number, index: number): number;
  /** `index` is the 31-bit SRTCP index, which is appended with the E bit (RFC 3711 §3.4). */
  protectRtcp(packet: Buffer, length: number, ssrc: number, index: number): number;
  unprotectRtcp(packet: Buffer, length: number, ssrc: number): number;
  /** The word with E bit and SRTCP index in a protected packet. */
  rtcpIndexWord(packet: Buffer, length: number): number;
  /** Gives its keys' memory back; it is of no use after that. */
  close(): void;
}
