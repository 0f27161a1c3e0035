import type { SipRequest, SipResponse } from '../../src/sip/message.ts';
import { contactOf } from '../../src/sip/message-body.ts';
import type { SipUri } from '../../src/sip/sip-uri.ts';
import type { Client } from './drachtio-clients.ts';
import type { Served } from './drachtio-stack.ts';

/** A dialog as drachtio-server keeps it: half of it ours, half the peer's. */
export interface Leg {
  readonly id: string;
  readonly client: Client;
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  /** Values of From and To in our requests. */
  readonly from: string;
  readonly to: string;
  readonly route: readonly string[];
  readonly contact: string;
  target: SipUri;
  cseq: number;
  remoteCseq: number;
  /** CSeq of our last INVITE, for its ACK. */
  inviteCseq: number;
  /** The ACK that a repeated 200 gets again. */
  ack: (() => void) | undefined;
  /** We cancelled, and the 200 came all the same. */
  cancelled: boolean;
}

/** Leg of a call that came: made with the 200. */
export function incomingLeg(
  served: Served,
  id: string,
  client: Client,
  localTag: string,
  contact: string,
): Leg {
  const { request } = served;
  const { headers } = request;
  const target = contactOf(request)?.uri ?? request.from.uri;
  return {
    id,
    client,
    callId: request.callId,
    localTag,
    remoteTag: request.from.parameters.get('tag') ?? '',
    from: `${headers.get('to')};tag=${localTag}`,
    to: headers.get('from') ?? '',
    route: headers.list('record-route'),
    contact,
    target,
    cseq: 0,
    remoteCseq: request.cseq,
    inviteCseq: 0,
    ack: undefined,
    cancelled: false,
  };
}

/** Leg of a call that we placed: made with the first 200. */
export function outgoingLeg(
  response: SipResponse,
  details: Pick<Leg, 'id' | 'client' | 'contact' | 'cancelled'> & { readonly source: SipUri },
): Leg {
  const { headers } = response;
  return {
    ...details,
    callId: response.callId,
    localTag: response.from.parameters.get('tag') ?? '',
    remoteTag: response.to.parameters.get('tag') ?? '',
    from: headers.get('from') ?? '',
    to: headers.get('to') ?? '',
    route: headers.list('record-route').reverse(),
    target: contactOf(response)?.uri ?? details.source,
    cseq: response.cseq,
    remoteCseq: -1,
    inviteCseq: response.cseq,
    ack: undefined,
  };
}

/** A request of the peer belongs to this leg. */
export function matches(leg: Leg, request: SipRequest): boolean {
  return (
    leg.callId === request.callId &&
    leg.localTag === request.to.parameters.get('tag') &&
    leg.remoteTag === request.from.parameters.get('tag')
  );
}
