import { parseJid } from './jid.ts';

export const focusNick = 'focus';
const occupantLimit = 10_000;

/** Who is in the room: nick to real JID. */
export class Roster {
  readonly #occupants = new Map<string, string | undefined>();

  /** True when the nick is new. */
  enter(nick: string, realJid: string | undefined): boolean {
    const fresh = !this.#occupants.has(nick);
    if (fresh && this.#occupants.size >= occupantLimit) return false;
    this.#occupants.set(nick, realJid ?? this.#occupants.get(nick));
    return fresh;
  }

  leave(nick: string): boolean {
    return this.#occupants.delete(nick);
  }

  clear(): void {
    this.#occupants.clear();
  }

  has(nick: string): boolean {
    return this.#occupants.has(nick);
  }

  realJid(nick: string): string | undefined {
    return this.#occupants.get(nick);
  }

  get hasFocus(): boolean {
    return this.#occupants.has(focusNick);
  }

  /** Without `self` and the focus. */
  others(self: string): number {
    let count = this.#occupants.size;
    if (this.#occupants.has(self)) count--;
    if (this.#occupants.has(focusNick)) count--;
    return count;
  }

  /** A full JID is compared exactly, a bare one with the bare JIDs. */
  hasRealJid(text: string): boolean {
    const wanted = parseJid(text);
    if (wanted === undefined) return false;
    for (const real of this.#occupants.values()) {
      if (real === undefined) continue;
      const same =
        wanted.resource === undefined ? parseJid(real)?.bare === wanted.bare : real === wanted.full;
      if (same) return true;
    }
    return false;
  }
}
