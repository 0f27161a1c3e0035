import { randomBytes } from 'node:crypto';
import type { Result } from '../errors.ts';
import { sameJid } from './jid.ts';
import { attribute, child, children, type Element, element, text } from './stanza.ts';

/** Why a request got no result. `condition`: RFC 6120 §8.3.3, or `timeout`, or `offline`. */
export interface RequestError {
  readonly condition: string;
  readonly text: string;
}

export interface Request {
  readonly from: string;
  readonly to: string;
  readonly type: 'get' | 'set';
  readonly payload: Element;
  readonly timeoutMs: number;
}

interface Waiting {
  readonly to: string;
  readonly from: string;
  readonly timer: NodeJS.Timeout;
  settle(outcome: Result<Element, RequestError>): void;
}

export const stanzaErrors = 'urn:ietf:params:xml:ns:xmpp-stanzas';

/** Outstanding IQ requests. A reply counts only with our unguessable id *and* from the JID that was addressed. */
export class IqRequests {
  readonly #send: (stanza: Element) => boolean;
  readonly #waiting = new Map<string, Waiting>();

  constructor(send: (stanza: Element) => boolean) {
    this.#send = send;
  }

  /** Sends now (before it returns) and resolves with the reply stanza; never rejects. */
  request(request: Request): Promise<Result<Element, RequestError>> {
    const { from, to, type, payload, timeoutMs } = request;
    const id = randomBytes(12).toString('base64url');
    if (!this.#send(element('iq', { type, from, to, id }, payload))) {
      return Promise.resolve({ ok: false, error: { condition: 'offline', text: 'not connected' } });
    }
    return new Promise((resolve) => {
      const settle = (outcome: Result<Element, RequestError>): void => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(outcome);
      };
      const timer = setTimeout(() => {
        settle({ ok: false, error: { condition: 'timeout', text: `no answer in ${timeoutMs} ms` } });
      }, timeoutMs).unref();
      this.#waiting.set(id, { from, to, timer, settle });
    });
  }

  /** Takes an IQ of type result or error; false when nobody waits for it. */
  settle(reply: Element): boolean {
    const waiting = this.#waiting.get(attribute(reply, 'id') ?? '');
    if (waiting === undefined) return false;
    if (!sameJid(attribute(reply, 'from'), waiting.to)) return false;
    if (!sameJid(attribute(reply, 'to'), waiting.from)) return false;
    if (attribute(reply, 'type') === 'result') waiting.settle({ ok: true, value: reply });
    else waiting.settle({ ok: false, error: stanzaError(reply) });
    return true;
  }

  /** The stream is gone: nothing will be answered any more. */
  abandon(): void {
    for (const waiting of [...this.#waiting.values()]) {
      waiting.settle({ ok: false, error: { condition: 'offline', text: 'the stream ended' } });
    }
  }
}

/** Condition and text of a stanza of type error (RFC 6120 §8.3). */
export function stanzaError(stanza: Element): RequestError {
  const error = child(stanza, 'error');
  if (error === undefined) return { condition: 'undefined-condition', text: '' };
  const named = children(error, undefined, stanzaErrors).find((inner) => inner.getName() !== 'text');
  // Jicofo's text has no namespace of its own.
  const words = child(error, 'text');
  return {
    condition: named?.getName() ?? 'undefined-condition',
    text: words === undefined ? '' : text(words).slice(0, 200),
  };
}
