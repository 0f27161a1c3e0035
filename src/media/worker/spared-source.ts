/**
 * Of the packets of a source that need not be decrypted, one in so many is all the same: SRTP counts the wraps of the sequence number
 * (RFC 3711 §3.3.1), and only an authenticated packet may move that count. Without it a leg that lets others receive for some
 * minutes could not take over.
 */
const DECRYPT_ONE_IN = 64;

/** A source as one leg receives it, when others may receive it in its place. */
export class SparedSource {
  #spared = 0;
  #unread = 0;

  /** Whether to decrypt the next packet; `isSpared`: nobody needs it. */
  decrypts(isSpared: boolean): boolean {
    this.#spared = isSpared ? this.#spared + 1 : 0;
    const decrypts = this.#spared % DECRYPT_ONE_IN === 0;
    if (!decrypts) this.#unread += 1;
    return decrypts;
  }

  /** A packet was authenticated: how many were not read since the one before. */
  takeUnread(): number {
    const unread = this.#unread;
    this.#unread = 0;
    return unread;
  }
}
