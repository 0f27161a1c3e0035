import type { PhoneSrtpKeys } from '../media-engine.ts';
import { SrtpContext, srtpErrorName } from '../srtp.ts';

const masterKeyBytes = 16;

/** SRTP with one phone, by the keys that SDP agreed. Each direction goes on while its key stays. */
export class PhoneSrtp {
  #keys: PhoneSrtpKeys | undefined;
  #send: SrtpContext | undefined;
  #receive: SrtpContext | undefined;

  /** Takes new keys; undefined: plain RTP. */
  connect(keys: PhoneSrtpKeys | undefined): void {
    const before = this.#keys;
    this.#keys = keys;
    const isSameProfile = before?.profile === keys?.profile;
    if (!isSameProfile || before?.sendKey !== keys?.sendKey) {
      this.#send?.close();
      this.#send = contextOf(keys, keys?.sendKey);
    }
    if (!isSameProfile || before?.receiveKey !== keys?.receiveKey) {
      this.#receive?.close();
      this.#receive = contextOf(keys, keys?.receiveKey);
    }
  }

  /** Gives the keys' memory back: nothing is opened or closed after that. */
  end(): void {
    this.#send?.close();
    this.#receive?.close();
  }

  /** Opens `packet` in place; answers its length, or why it is refused. */
  open(packet: Buffer, isRtcp: boolean): number | 'malformed' | 'auth' | 'replay' {
    const context = this.#receive;
    if (context === undefined) return packet.length;
    const length = isRtcp
      ? context.unprotectRtcp(packet, packet.length)
      : context.unprotect(packet, packet.length);
    return length < 0 ? srtpErrorName(length) : length;
  }

  /** Closes `packet[0…length)` in place; the buffer has room behind it. Answers its new length; undefined when that is impossible. */
  close(packet: Buffer, length: number, isRtcp: boolean): number | undefined {
    const context = this.#send;
    if (context === undefined) return length;
    const closed = isRtcp ? context.protectRtcp(packet, length) : context.protect(packet, length);
    return closed < 0 ? undefined : closed;
  }
}

function contextOf(keys: PhoneSrtpKeys | undefined, text: string | undefined): SrtpContext | undefined {
  if (keys === undefined || text === undefined) return undefined;
  const bytes = Buffer.from(text, 'base64');
  return new SrtpContext(keys.profile, bytes.subarray(0, masterKeyBytes), bytes.subarray(masterKeyBytes));
}
