import type { DigestClient } from '../digest.ts';
import type { SipAnswer } from '../registration.ts';
import type { Hop } from '../transport/packet.ts';
import type { EmbeddedCore } from './core.ts';
import { type ExactUri, IncomingResponse } from './incoming-message.ts';
import { randomToken } from './outgoing-message.ts';
import type { UserAgentClient } from './sip-js.ts';
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
  /** Complete header lines. */
  readonly lines: readonly string[];
  readonly hop: Hop;
  readonly digest: DigestClient | undefined;
}

/** Sends a request outside of a dialog, answers its challenges, and gives the final answer (RFC 3261 §8.1, §22). */
export async function transact(
  core: EmbeddedCore,
  wire: Wire,
  request: RequestOutsideDialog,
): Promise<SipAnswer> {
  request.digest?.begin();
  let authorization: readonly string[] = [];
  for (;;) {
    const answer = await once(core, wire, request, authorization);
    const { response } = answer;
    if (response === undefined || (response.status !== 401 && response.status !== 407)) return answer;
    const about = { method: request.method, uri: request.target.text, body: '' };
    const more = request.digest?.answer(response.status, response.headers, about);
    if (more === undefined) return answer;
    authorization = [...authorization, ...more];
  }
}

function once(
  core: EmbeddedCore,
  wire: Wire,
  request: RequestOutsideDialog,
  authorization: readonly string[],
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
    [...request.lines, ...authorization],
  );
  const client = core.asClient(request.hop, () =>
    core.request(message, { onAccept: done, onReject: done, onRedirect: done }),
  );
  wire.watchRefusal(request.hop, () => {
    resolve({ response: undefined, fault: 'connection refused' });
    core.abandon(client as UserAgentClient);
  });
  return promise;
}
