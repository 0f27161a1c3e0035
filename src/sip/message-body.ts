import type { SipRequest, SipResponse } from './message.ts';
import { type NameAddr, parseNameAddr } from './name-addr.ts';

/** First Contact with a SIP URI. */
export function contactOf(source: SipRequest | SipResponse): NameAddr | undefined {
  const first = source.headers.list('contact')[0];
  const contact = first === undefined ? undefined : parseNameAddr(first);
  return contact?.uri.scheme === 'sip' || contact?.uri.scheme === 'sips' ? contact : undefined;
}

/** Media type without parameters, lower case. A body without Content-Type that looks like SDP is taken for SDP. */
export function contentType(source: SipRequest | SipResponse): string {
  const stated = source.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
  return stated ?? (source.body.startsWith('v=0') ? 'application/sdp' : 'application/octet-stream');
}

/** The SDP in a message; undefined without one. */
export function sdpOf(source: SipRequest | SipResponse): string | undefined {
  return source.body !== '' && contentType(source) === 'application/sdp' ? source.body : undefined;
}
