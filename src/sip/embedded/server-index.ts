import type { SipRequest } from '../message.ts';
import { IncomingRequest } from './incoming-message.ts';
import type { UserAgentServer } from './sip-js.ts';

/**
 * sip.js' map of server transactions. With each request sip.js copies all values to look for a merged request (RFC 3261
 * §8.2.2.2), which costs O(n) and brings a loaded process down; here it finds none, and we look into an index instead.
 */
export class ServerIndex extends Map<string, UserAgentServer> {
  readonly #merged = new Map<string, string>();

  override set(id: string, server: UserAgentServer): this {
    const request = server.message;
    if (request instanceof IncomingRequest && request.toTag === '')
      this.#merged.set(mergeKey(request.source), id);
    return super.set(id, server);
  }

  override delete(id: string): boolean {
    const request = this.get(id)?.message;
    if (request instanceof IncomingRequest) {
      const key = mergeKey(request.source);
      if (this.#merged.get(key) === id) this.#merged.delete(key);
    }
    return super.delete(id);
  }

  override clear(): void {
    this.#merged.clear();
    super.clear();
  }

  override values(): ReturnType<Map<string, UserAgentServer>['values']> {
    return new Map<string, UserAgentServer>().values();
  }

  /** True when the request came before on another path and is still being served. */
  isMerged(request: SipRequest, id: string): boolean {
    const present = this.#merged.get(mergeKey(request));
    return present !== undefined && present !== id;
  }
}

function mergeKey(request: SipRequest): string {
  return `${request.from.parameters.get('tag') ?? ''} ${request.callId} ${request.cseq} ${request.method}`;
}
