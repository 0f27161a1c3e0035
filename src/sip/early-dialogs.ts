import type { SipResponse } from './message.ts';
import type { DialogTags } from './refer-replaces.ts';

/** A forked INVITE rings at several places; more are not remembered. */
const most = 16;

/** The dialogs that provisional responses to an INVITE of ours have made (RFC 3261 §12.1); the answer makes one of them the call. */
export class EarlyDialogs {
  readonly #dialogs = new Map<string, DialogTags>();

  note({ callId, from, to }: SipResponse): void {
    const [localTag, remoteTag] = [from, to].map(({ parameters }) => parameters.get('tag'));
    if (!localTag || !remoteTag || this.#dialogs.size >= most) return;
    this.#dialogs.set(remoteTag, { callId, localTag, remoteTag });
  }

  get tags(): readonly DialogTags[] {
    return [...this.#dialogs.values()];
  }

  clear(): void {
    this.#dialogs.clear();
  }
}
