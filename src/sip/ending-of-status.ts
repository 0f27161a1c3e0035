import { type EndingCode, type Failure, failure } from '../errors.ts';
import { fromWire, withoutControls } from './header-line.ts';
import { unquote } from './header-text.ts';
import type { Headers } from './message.ts';

const codes: Readonly<Record<number, EndingCode>> = {
  401: 'phone-unauthorized',
  403: 'phone-rejected',
  404: 'phone-not-found',
  407: 'phone-unauthorized',
  408: 'phone-no-answer',
  410: 'phone-not-found',
  480: 'phone-no-answer',
  484: 'phone-not-found',
  486: 'phone-busy',
  487: 'phone-no-answer',
  488: 'no-common-codec',
  503: 'phone-unreachable',
  600: 'phone-busy',
  603: 'phone-rejected',
  604: 'phone-not-found',
  606: 'no-common-codec',
};

/** What a final status of an outgoing request means; `detail` holds the peer's own words. */
export function endingOfStatus(status: number, reason: string, headers: Headers | undefined): Failure {
  return failure(codes[status] ?? 'phone-failed', peerWords(status, reason, headers));
}

/** Status, phrase, and what `Warning` (RFC 3261 §20.43) and `Reason` (RFC 3326) add, at most 200 characters. */
export function peerWords(status: number, reason: string, headers: Headers | undefined): string {
  const parts = [`${status} ${reason}`.trim()];
  const warning = headers?.get('warning');
  if (warning !== undefined) parts.push(warning);
  const why = reasonText(headers);
  if (why !== undefined) parts.push(why);
  return withoutControls(fromWire(parts.join('; '))).slice(0, 200);
}

/** The text of a `Reason` header (RFC 3326), else its protocol and cause; undefined without the header. */
export function reasonText(headers: Headers | undefined): string | undefined {
  const reason = headers?.get('reason');
  if (reason === undefined) return undefined;
  const text = /;\s*text\s*=\s*("(?:[^"\\]|\\.){0,400}"|[^;]{1,200})/is.exec(reason)?.[1];
  return withoutControls(fromWire(text === undefined ? reason : unquote(text.trim()))).slice(0, 200);
}
