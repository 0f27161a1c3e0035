import { fail, ok, type Result } from '../../errors.ts';
import { type DigestClient, withCredentials } from '../digest.ts';
import { endingOfStatus } from '../ending-of-status.ts';
import { headerLine } from '../header-line.ts';
import type { SipResponse } from '../message.ts';
import { sdpOf } from '../message-body.ts';
import type { ReferMessage } from '../refer-dialog.ts';
import { dialogMethods } from '../served-methods.ts';
import type { DrachtioSession } from './session.ts';

export interface DialogRequestsOptions {
  readonly session: DrachtioSession;
  readonly dialogId: string;
  readonly digest: DigestClient | undefined;
  /** True when we opened the dialog. */
  readonly ownsCallId: boolean;
  /** RFC 3261 T1 of the drachtio-server, milliseconds. */
  readonly t1: number;
  readonly peerIsOffering: () => boolean;
}

interface Request {
  readonly method: string;
  readonly lines: readonly string[];
  readonly body: string;
}

const glareAttempts = 4;

/** Our requests inside a dialog: re-INVITE with the waits of RFC 3261 §14.1, INFO, BYE; each answers a challenge. */
export class DialogRequests {
  readonly #options: DialogRequestsOptions;
  readonly #waits = new Set<() => void>();
  readonly #pending = new Set<() => void>();
  #offering = false;
  #closed = false;

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
      const response = await this.#offer(sdp);
      if (response?.status === 491 && attempt < glareAttempts) await this.#glarePause();
      else return reinviteResult(response);
    }
    return fail('hangup', 'the call is over');
  }

  async info(contentType: string, body: string): Promise<Result<number>> {
    const lines = [headerLine('Content-Type', contentType), headerLine('Content-Disposition', 'render')];
    const response = await this.#request({ method: 'INFO', lines, body });
    return response === undefined ? fail('phone-unreachable', 'no answer to INFO') : ok(response.status);
  }

  /** REFER or NOTIFY; the answer, undefined without one. */
  transfer({ method, lines, contentType, body }: ReferMessage): Promise<SipResponse | undefined> {
    const type = contentType === undefined ? [] : [headerLine('Content-Type', contentType)];
    return this.#request({ method, lines: [...lines, ...type], body });
  }

  async bye(reason: string): Promise<void> {
    await this.#request({ method: 'BYE', lines: [reason], body: '' });
  }

  async #offer(sdp: string): Promise<SipResponse | undefined> {
    const lines = [
      headerLine('Allow', dialogMethods.join(', ')),
      headerLine('Content-Type', 'application/sdp'),
    ];
    this.#offering = true;
    try {
      return await this.#request({ method: 'INVITE', lines, body: sdp });
    } finally {
      this.#offering = false;
    }
  }

  /** The final response, when challenged the one to the last try; undefined: none came, or the request could not be sent. */
  async #request(request: Request): Promise<SipResponse | undefined> {
    const { digest } = this.#options;
    digest?.begin();
    let authorization: readonly string[] = [];
    for (;;) {
      const { response, uri } = await this.#once(request, authorization);
      if (response === undefined || (response.status !== 401 && response.status !== 407)) return response;
      const { method, body } = request;
      const more = digest?.answer(response.status, response.headers, { method, uri, body });
      if (more === undefined) return response;
      authorization = withCredentials(authorization, more);
    }
  }

  #once(
    { method, lines, body }: Request,
    authorization: readonly string[],
  ): Promise<{ response: SipResponse | undefined; uri: string }> {
    const { session, dialogId, t1 } = this.#options;
    const { promise, resolve } = Promise.withResolvers<{ response: SipResponse | undefined; uri: string }>();
    let uri = '';
    const done = (response: SipResponse | undefined): void => resolve({ response, uri });
    session.request(
      { method, dialogId, lines: [...lines, ...authorization], body },
      {
        sent: (message) => {
          uri = message.uri.text;
        },
        response: (response, _dialogId, acknowledge) => {
          if (response.status < 200) return;
          if (method === 'INVITE' && response.status < 300) acknowledge();
          done(response);
        },
        failed: () => done(undefined),
      },
    );
    // A peer that says 100 and nothing more would hold us for ever.
    const giveUp = (): void => done(undefined);
    const timer = setTimeout(giveUp, 2 * 64 * t1);
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
    const timer = setTimeout(resolve, (ms * this.#options.t1) / 500);
    const wake = (): void => {
      clearTimeout(timer);
      resolve();
    };
    this.#waits.add(wake);
    await promise;
    this.#waits.delete(wake);
  }
}

function reinviteResult(response: SipResponse | undefined): Result<string> {
  if (response === undefined) return fail('phone-unreachable', 'no answer to the re-INVITE');
  const { status, reason, headers } = response;
  if (status >= 300) return { ok: false, error: endingOfStatus(status, reason, headers) };
  const sdp = sdpOf(response);
  return sdp === undefined ? fail('phone-failed', 're-INVITE answered without SDP') : ok(sdp);
}
