import type { DialogLeg } from './dialog-leg.ts';
import type { IncomingRequest } from './incoming-message.ts';

/** Our dialogs by Call-ID and tags (RFC 3261 §12), as sip.js writes them into one text. */
export class DialogIndex {
  readonly #legs = new Map<string, DialogLeg>();

  add(leg: DialogLeg): void {
    this.#legs.set(leg.session.id, leg);
  }

  remove(leg: DialogLeg): void {
    this.#legs.delete(leg.session.id);
  }

  find(request: IncomingRequest): DialogLeg | undefined {
    return this.#legs.get(request.callId + request.toTag + request.fromTag);
  }

  get size(): number {
    return this.#legs.size;
  }
}
