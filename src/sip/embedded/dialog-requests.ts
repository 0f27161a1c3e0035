import { fail, ok, type Result } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { type DigestClient, withCredentials } from '../digest.ts';
import { endingOfStatus } from '../ending-of-status.ts';
import { headerLine } from '../header-line.ts';
import type { Headers, SipResponse } from '../message.ts';
import type { ReferMessage } from '../refer-dialog.ts';
import { askLines, leastSeconds, minimumOf, type SessionTerms, termsOfAnswer } from '../session-timer.ts';
import type { EmbeddedCore } from './core.ts';
import { IncomingResponse, sdpOf } from './incoming-message.ts';
import {
  abilityLines,
  type OutgoingRequest,
  type OutgoingRequestDelegate,
  type SessionDialog,
  Timers,
  type UserAgentClient,
} from './sip-js.ts';

export interface DialogRequestsOptions {
  readonly core: EmbeddedCore;
  readonly session: SessionDialog;
  readonly contact: string;
  readonly digest: DigestClient | undefined;
  readonly ownsCallId: boolean;
  readonly log: Log;
  readonly peerIsOffering: () => boolean;
  /** What is agreed about refreshing now. */
  readonly sessionTerms: () => SessionTerms | undefined;
  /** Our request renewed the agreement; undefined: there is none any more. */
  readonly onAgreed: (terms: SessionTerms | undefined) => void;
}

/** Final answer to one of our requests; without a message: nobody answered, or it could not be sent. */
interface Answer {
  readonly status: number;
  readonly message: IncomingResponse | undefined;
}

type Sending = (delegate: OutgoingRequestDelegate, authorization: readonly string[]) => OutgoingRequest;

const glareAttempts = 4;

/** Our requests inside a dialog: re-INVITE with the waits of RFC 3261 §14.1, INFO, BYE; each answers a challenge. */
export class DialogRequests {
  readonly #options: DialogRequestsOptions;
  readonly #waits = new Set<() => void>();
  readonly #pending = new Set<() => void>();
  #offering = false;
  #closed = false;
  /** Session interval that the peer asked for with 422. */
  #minimum = leastSeconds;

  constructor(options: DialogRequestsOptions) {
    this.#options = options;
  }

  /** An offer of ours waits for its answer. */
  get offering(): boolean {
    return this.#offering;
  }

  close(): void {
    this.#closed = true;
    for (const wake of this.#waits) wake();
  }

  /** Gives up on every answer that is still awaited. */
  abort(): void {
    this.close();
    for (const giveUp of this.#pending) giveUp();
  }

  async reinvite(sdp: string): Promise<Result<string>> {
    for (let attempt = 1; !this.#closed; attempt += 1) {
      if (this.#offering || this.#options.peerIsOffering()) {
        if (attempt === glareAttempts) return fail('phone-failed', 'another offer is still being answered');
        await this.#glarePause();
        continue;
      }
      const answer = await this.#offer(sdp);
      if (answer.status === 491 && attempt < glareAttempts) await this.#glarePause();
      else return reinviteResult(answer);
    }
    return fail('hangup', 'the call is over');
  }

  /** UPDATE without SDP (RFC 3311), which changes nothing and refreshes the session. */
  async update(): Promise<number> {
    const { core, session, contact } = this.#options;
    const answer = await this.#request('UPDATE', '', (delegate, authorization) => {
      const extraHeaders = [headerLine('Contact', contact), ...this.#refreshing(), ...authorization];
      return core.request(session.createOutgoingRequestMessage('UPDATE', { extraHeaders }), delegate);
    });
    return answer.status;
  }

  async info(contentType: string, content: string): Promise<Result<number>> {
    const body = { contentDisposition: 'render', contentType, content };
    const answer = await this.#request('INFO', content, (delegate, extraHeaders) =>
      this.#options.session.info(delegate, { extraHeaders: [...extraHeaders], body }),
    );
    return answer.message === undefined ? fail('phone-unreachable', 'no answer to INFO') : ok(answer.status);
  }

  /** REFER or NOTIFY; the answer, undefined without one. */
  async transfer({ method, lines, contentType, body }: ReferMessage): Promise<SipResponse | undefined> {
    const { core, session, contact } = this.#options;
    const content = contentType && { contentDisposition: 'render', contentType, content: body };
    const answer = await this.#request(method, body, (delegate, authorization) => {
      const extraHeaders = [headerLine('Contact', contact), ...lines, ...abilityLines(), ...authorization];
      const options = { extraHeaders, ...(content && { body: content }) };
      return core.request(session.createOutgoingRequestMessage(method, options), delegate);
    });
    return answer.message?.source;
  }

  async bye(reason: string): Promise<void> {
    await this.#request('BYE', '', (delegate, extraHeaders) =>
      this.#options.session.bye(delegate, { extraHeaders: [reason, ...extraHeaders] }),
    );
  }

  async #offer(sdp: string): Promise<Answer> {
    const { session, contact } = this.#options;
    const body = { contentDisposition: 'session', contentType: 'application/sdp', content: sdp };
    this.#offering = true;
    try {
      return await this.#request('INVITE', sdp, (delegate, extraHeaders) =>
        session.invite(
          {
            ...delegate,
            onAccept: (response) => {
              this.#options.core.asClient(undefined, () => response.ack());
              delegate.onAccept?.(response);
            },
          },
          { extraHeaders: [headerLine('Contact', contact), ...this.#refreshing(), ...extraHeaders], body },
        ),
      );
    } finally {
      this.#offering = false;
    }
  }

  async #request(method: string, body: string, send: Sending): Promise<Answer> {
    const { digest } = this.#options;
    digest?.begin();
    let authorization: readonly string[] = [];
    for (;;) {
      const answer = await this.#once(send, authorization);
      const headers = answer.message?.source.headers;
      if (headers !== undefined && this.#refreshed(method, answer.status, headers)) continue;
      if ((answer.status !== 401 && answer.status !== 407) || headers === undefined) return answer;
      const uri = this.#options.session.remoteTarget.toRaw();
      const more = digest?.answer(answer.status, headers, { method, uri, body });
      if (more === undefined) return answer;
      authorization = withCredentials(authorization, more);
    }
  }

  #refreshing(): string[] {
    const terms = this.#options.sessionTerms();
    const lines = terms === undefined ? [] : askLines(terms.seconds, this.#minimum, terms.weRefresh);
    return [...abilityLines(), ...lines];
  }

  /** Takes what an answer says about the session; true when the request is to be sent again with a longer interval. */
  #refreshed(method: string, status: number, headers: Headers): boolean {
    if (method !== 'INVITE' && method !== 'UPDATE') return false;
    const terms = this.#options.sessionTerms();
    if (status >= 200 && status < 300 && terms !== undefined) this.#options.onAgreed(termsOfAnswer(headers));
    const minimum = status === 422 ? minimumOf(headers) : undefined;
    if (terms === undefined || minimum === undefined || minimum <= this.#minimum) return false;
    this.#minimum = minimum;
    return true;
  }

  /** sip.js throws when the dialog is not in a state for the request; that is an answer like any other. */
  async #once(send: Sending, authorization: readonly string[]): Promise<Answer> {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const done = ({ message }: { message: unknown }): void => resolve(answerOf(message));
    const delegate = { onAccept: done, onReject: done, onRedirect: done };
    let client: OutgoingRequest;
    try {
      client = this.#options.core.asClient(undefined, () => send(delegate, authorization));
    } catch (error) {
      this.#options.log.debug({ err: error }, 'request does not fit the state of the dialog');
      return { status: 500, message: undefined };
    }
    // A peer that says 100 and nothing more, or that leaves without an answer, would hold the transaction for ever.
    const giveUp = (): void => {
      resolve({ status: 408, message: undefined });
      this.#options.core.abandon(client as UserAgentClient);
    };
    const timer = setTimeout(giveUp, 2 * 64 * Timers.T1);
    this.#pending.add(giveUp);
    return promise.finally(() => {
      clearTimeout(timer);
      this.#pending.delete(giveUp);
    });
  }

  /** RFC 3261 §14.1: who made the Call-ID waits 2.1 to 4 s, the other one up to 2 s. */
  async #glarePause(): Promise<void> {
    const ms = this.#options.ownsCallId ? 2_100 + Math.random() * 1_900 : Math.random() * 2_000;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, (ms * Timers.T1) / 500);
    const wake = (): void => {
      clearTimeout(timer);
      resolve();
    };
    this.#waits.add(wake);
    await promise;
    this.#waits.delete(wake);
  }
}

function answerOf(message: unknown): Answer {
  if (message instanceof IncomingResponse) return { status: message.source.status, message };
  return { status: 408, message: undefined };
}

function reinviteResult(answer: Answer): Result<string> {
  const { message, status } = answer;
  if (message === undefined) return fail('phone-unreachable', 'no answer to the re-INVITE');
  const sdp = sdpOf(message.source);
  if (status >= 200 && status < 300) {
    return sdp === undefined ? fail('phone-failed', 're-INVITE answered without SDP') : ok(sdp);
  }
  return { ok: false, error: endingOfStatus(status, message.source.reason, message.source.headers) };
}
