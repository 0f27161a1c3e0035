import type { Log } from '../log.ts';
import type { MediaCall } from '../media/media-engine.ts';
import type { PromptBook } from './prompt-book.ts';
import type { PromptName } from './prompt-names.ts';

export interface PhonePromptsParts {
  readonly media: MediaCall;
  readonly prompts: PromptBook;
  readonly log: Log;
}

/** What the gateway itself says to the phone of a call. */
export class PhonePrompts {
  readonly #parts: PhonePromptsParts;

  constructor(parts: PhonePromptsParts) {
    this.#parts = parts;
  }

  /**
   * Says something in place of what is being said. Resolves when it is over, whatever happens. `replace`: the room is not heard
   * meanwhile.
   */
  async say(prompt: PromptName, mode: 'duck' | 'replace' = 'duck'): Promise<void> {
    const { media, prompts, log } = this.#parts;
    media.stopPlaying('phone');
    try {
      const played = await media.play(prompts.sounds(prompt), { mode });
      if (played.ok) log.debug({ event: 'prompt', prompt, how: played.value }, 'a prompt is over');
      else log.warn({ event: 'prompt', prompt, detail: played.error.detail }, 'a prompt was not played');
    } catch (error) {
      log.error({ event: 'call-bug', err: error }, 'a prompt broke');
    }
  }

  /** Ends what is being said. */
  hush(): void {
    this.#parts.media.stopPlaying('phone');
  }
}
