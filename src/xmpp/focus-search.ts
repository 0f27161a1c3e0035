import { backoff } from './backoff.ts';
import { requestConference } from './conference-request.ts';
import type { Post, Timing } from './post.ts';

export interface FocusSearchParts {
  readonly post: Post;
  readonly timing: Timing;
  readonly room: string;
  readonly conferenceService: string;
  /** Our JID at the time. */
  from(): string;
  /** The focus answered; it enters the room by itself. */
  found(focusJid: string | undefined): void;
}

/**
 * Repeats the conference request until the focus is in the room: without one nobody invites, and a Jicofo that has just been
 * started knows of no room until somebody asks.
 */
export class FocusSearch {
  readonly #parts: FocusSearchParts;
  #timer: NodeJS.Timeout | undefined;
  #attempt = 0;
  #searching = false;

  constructor(parts: FocusSearchParts) {
    this.#parts = parts;
  }

  start(): void {
    if (this.#searching) return;
    this.#searching = true;
    this.#attempt = 0;
    this.#askLater();
  }

  stop(): void {
    this.#searching = false;
    clearTimeout(this.#timer);
  }

  #askLater(): void {
    const { retryMs, retryLimitMs } = this.#parts.timing;
    const delayMs = backoff(this.#attempt++, retryMs, retryLimitMs);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#ask(), delayMs).unref();
  }

  async #ask(): Promise<void> {
    const { post, timing, room, conferenceService: focus } = this.#parts;
    const timeoutMs = timing.conferenceMs;
    const answer = await requestConference(post.requests, {
      from: this.#parts.from(),
      focus,
      room,
      timeoutMs,
    });
    if (!this.#searching) return;
    if (answer.ok) this.#parts.found(answer.value.focusJid);
    this.#askLater();
  }
}
