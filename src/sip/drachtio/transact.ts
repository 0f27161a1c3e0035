import { type DigestClient, withCredentials } from '../digest.ts';
import { headerLine } from '../header-line.ts';
import { retryAfterSeconds } from '../header-text.ts';
import type { SipRequest } from '../message.ts';
import type { SipAnswer } from '../registration.ts';
import type { ServerHealth } from './outgoing-invite.ts';
import type { DrachtioSession } from './session.ts';

export interface RequestOutsideDialog {
  readonly method: string;
  readonly uri: string;
  /** Next hops to try in turn; undefined: the URI says where. */
  readonly proxies: readonly [string | undefined, ...(string | undefined)[]];
  /** Counts on across requests with the same Call-ID (RFC 3261 §10.2). */
  readonly nextCseq: () => number;
  /** Complete header lines: From with its tag, To, Call-ID, and what the method asks for. */
  readonly lines: readonly string[];
  readonly digest: DigestClient | undefined;
  /** Learns how the next hops did. */
  readonly health: ServerHealth;
}

/** The final answer, and the request as the server sent it. */
export type DrachtioAnswered = SipAnswer & { readonly sent: SipRequest | undefined };

/**
 * Sends a request outside of a dialog, answers its challenges, goes on to the next server after silence or 503, and gives the
 * final answer (RFC 3261 §8.1, §22; RFC 3263 §4.3).
 */
export async function transact(
  session: DrachtioSession,
  request: RequestOutsideDialog,
): Promise<DrachtioAnswered> {
  const [first, ...others] = request.proxies;
  let answer = await noted(session, request, first);
  for (const proxy of others) {
    if (answer.response !== undefined && answer.response.status !== 503) break;
    answer = await noted(session, request, proxy);
  }
  return answer;
}

async function noted(
  session: DrachtioSession,
  request: RequestOutsideDialog,
  proxy: string | undefined,
): Promise<DrachtioAnswered> {
  const answer = await authorized(session, request, proxy);
  const { response } = answer;
  // Without the drachtio-server nothing is known about the peer.
  if (proxy === undefined || (response === undefined && !session.open)) return answer;
  if (response !== undefined && response.status !== 503) request.health.answered(proxy);
  else request.health.failed(proxy, response === undefined ? 0 : retryAfterSeconds(response.headers));
  return answer;
}

async function authorized(
  session: DrachtioSession,
  request: RequestOutsideDialog,
  proxy: string | undefined,
): Promise<DrachtioAnswered> {
  const about = { method: request.method, uri: request.uri, body: '' };
  request.digest?.begin();
  let authorization: readonly string[] = request.digest?.again(about) ?? [];
  for (;;) {
    const answer = await once(session, request, proxy, authorization);
    const { response } = answer;
    if (response === undefined || (response.status !== 401 && response.status !== 407)) return answer;
    const more = request.digest?.answer(response.status, response.headers, about);
    if (more === undefined) return answer;
    authorization = withCredentials(authorization, more);
  }
}

function once(
  session: DrachtioSession,
  { method, uri, lines, nextCseq }: RequestOutsideDialog,
  proxy: string | undefined,
  authorization: readonly string[],
): Promise<DrachtioAnswered> {
  const { promise, resolve } = Promise.withResolvers<DrachtioAnswered>();
  const cseq = headerLine('CSeq', `${nextCseq()} ${method}`);
  let sent: SipRequest | undefined;
  session.request(
    { method, uri, ...(proxy !== undefined && { proxy }), lines: [...lines, cseq, ...authorization] },
    {
      sent: (message) => {
        sent = message;
      },
      response: (response) => {
        if (response.status >= 200) resolve({ response, fault: '', sent });
      },
      failed: (fault) => resolve({ response: undefined, fault, sent }),
    },
  );
  return promise;
}
