import type { SipRequest } from '../message.ts';
import { AgeingMap } from './ageing-map.ts';
import { IncomingRequest } from './incoming-message.ts';
import { finishTransaction, localTagOf, Timers, type UserAgentServer } from './sip-js.ts';

/**
 * sip.js' map of server transactions. With each request sip.js copies all values to look for a merged request (RFC 3261
 * §8.2.2.2), which costs O(n) and brings a loaded process down; here it finds none, and we look into an index instead.
 *
 * A transaction that has nothing left to do but to know its repetitions (timers J and L, 32 s) is ended at once, and a few texts
 * are kept of it: thousands of transactions with all that they refer to cost the garbage collector more than the calls cost.
 */
export class ServerIndex extends Map<string, UserAgentServer> {
  readonly #merged = new Map<string, string>();
  /** Final answers to other requests than INVITE. */
  readonly #answers = new AgeingMap(repetitionMs);
  /** To tags of answered and acknowledged INVITEs. */
  readonly #taken = new AgeingMap(repetitionMs);
  readonly #mergedBefore = new AgeingMap(repetitionMs);

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
    for (const kept of [this.#answers, this.#taken, this.#mergedBefore]) kept.clear();
    super.clear();
  }

  override values(): ReturnType<Map<string, UserAgentServer>['values']> {
    return new Map<string, UserAgentServer>().values();
  }

  /** Transactions of which only their repetitions are still known. */
  get finished(): number {
    return this.#answers.size + this.#taken.size;
  }

  /** The final answer to a request other than INVITE is on its way. `text`: one character per byte. */
  answered(id: string, text: string): void {
    const server = this.get(id);
    if (server === undefined) return;
    this.#answers.set(id, text);
    finishTransaction(server);
  }

  /** The ACK for our 2xx to an INVITE came. */
  acknowledged(server: UserAgentServer): void {
    const request = server.message;
    if (!(request instanceof IncomingRequest)) return;
    this.#taken.set(request.viaBranch, localTagOf(server) ?? '');
    this.#mergedBefore.set(mergeKey(request.source), request.viaBranch);
    finishTransaction(server);
  }

  /** What a finished request was answered with. */
  answerTo(id: string): string | undefined {
    return this.#answers.get(id);
  }

  /** The To tag of our answers to a finished INVITE. */
  tagOfTaken(id: string): string | undefined {
    return this.#taken.get(id);
  }

  /** The id of a finished INVITE that this one repeats or, when the id is another one, that came on another path. */
  takenAs(request: SipRequest): string | undefined {
    return this.#mergedBefore.get(mergeKey(request));
  }

  /** True when the request came before on another path and is still being served. */
  isMerged(request: SipRequest, id: string): boolean {
    const present = this.#merged.get(mergeKey(request));
    return present !== undefined && present !== id;
  }
}

/** RFC 3261 §17.2.2, RFC 6026 §7.1. */
function repetitionMs(): number {
  return 64 * Timers.T1;
}

function mergeKey(request: SipRequest): string {
  return `${request.from.parameters.get('tag') ?? ''} ${request.callId} ${request.cseq} ${request.method}`;
}
