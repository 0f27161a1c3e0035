import { type DigestClient, withCredentials } from '../digest.ts';
import { retryAfterSeconds } from '../header-text.ts';
import type { SipAnswer } from '../registration.ts';
import type { Hop } from '../transport/packet.ts';
import type { EmbeddedCore } from './core.ts';
import { type ExactUri, IncomingResponse } from './incoming-message.ts';
import { randomToken } from './outgoing-message.ts';
import { Timers, type UserAgentClient } from './sip-js.ts';
import type { Wire } from './wire.ts';

export interface RequestOutsideDialog {
  readonly method: string;
  readonly target: ExactUri;
  readonly from: ExactUri;
  readonly to: ExactUri;
  readonly fromDisplayName: string;
  readonly callId: string;
  /** Counts on across requests with the same Call-ID (RFC 3261 §10.2). */
  readonly nextCseq: () => number;
  /** Complete header lines, for the hop that is tried. Rejects when there is no way to that one. */
  readonly lines: (hop: Hop) => Promise<readonly string[]>;
  /** In the order in which they are tried: the next one when one does not answer, or with 503 (RFC 3263 §4.3). */
  readonly hops: readonly [Hop, ...Hop[]];
  readonly digest: DigestClient | undefined;
}

export interface Transacted extends SipAnswer {
  /** Which of the hops gave the answer; without an answer, the last one tried. */
  readonly hop: Hop;
}

/** Sends a request outside of a dialog, answers its challenges, and gives the final answer (RFC 3261 §8.1, §22). */
export async function transact(
  core: EmbeddedCore,
  wire: Wire,
  request: RequestOutsideDialog,
): Promise<Transacted> {
  const [first, ...others] = request.hops;
  let answer = await atHop(core, wire, request, first, others.length === 0);
  for (const [index, hop] of others.entries()) {
    if (answer.response !== undefined && answer.response.status !== 503) break;
    answer = await atHop(core, wire, request, hop, index === others.length - 1);
  }
  return answer;
}

async function atHop(
  core: EmbeddedCore,
  wire: Wire,
  request: RequestOutsideDialog,
  hop: Hop,
  last: boolean,
): Promise<Transacted> {
  const about = { method: request.method, uri: request.target.text, body: '' };
  request.digest?.begin();
  let authorization = request.digest?.again(about) ?? [];
  let lines: readonly string[];
  try {
    lines = await request.lines(hop);
  } catch (error) {
    wire.health.failed(hop);
    return { response: undefined, fault: String(error), hop };
  }
  for (;;) {
    const answer = await once(core, wire, request, hop, last, [...lines, ...authorization]);
    const { response } = answer;
    if (response === undefined) wire.health.failed(hop);
    else if (response.status === 503) wire.health.failed(hop, retryAfterSeconds(response.headers));
    else wire.health.answered(hop);
    if (response === undefined || (response.status !== 401 && response.status !== 407))
      return { ...answer, hop };
    const more = request.digest?.answer(response.status, response.headers, about);
    if (more === undefined) return { ...answer, hop };
    authorization = withCredentials(authorization, more);
  }
}

/** So many T1 a peer may be silent before the next one is tried: time for four tries over UDP. */
const patience = 8;

function once(
  core: EmbeddedCore,
  wire: Wire,
  request: RequestOutsideDialog,
  hop: Hop,
  last: boolean,
  lines: readonly string[],
): Promise<SipAnswer> {
  const { promise, resolve } = Promise.withResolvers<SipAnswer>();
  const done = ({ message }: { message: unknown }): void =>
    resolve(
      message instanceof IncomingResponse
        ? { response: message.source, fault: '' }
        : { response: undefined, fault: 'no answer, or the request could not be sent' },
    );
  const options = {
    callId: request.callId,
    fromTag: randomToken(),
    fromDisplayName: request.fromDisplayName,
    cseq: request.nextCseq(),
  };
  const message = core.makeOutgoingRequestMessage(
    request.method,
    request.target,
    request.from,
    request.to,
    options,
    [...lines],
  );
  const client = core.asClient(hop, () =>
    core.request(message, { onAccept: done, onReject: done, onRedirect: done }),
  );
  const giveUp = (fault: string): void => {
    resolve({ response: undefined, fault });
    core.abandon(client as UserAgentClient);
  };
  const unwatch = wire.watchRefusal(hop, giveUp);
  const timer = last ? undefined : setTimeout(() => giveUp('no answer'), patience * Timers.T1);
  return promise.finally(() => {
    unwatch();
    clearTimeout(timer);
  });
}
