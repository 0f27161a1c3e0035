import type { SipRequest } from './message.ts';

/** Why a body is refused, with what would be taken. */
export interface BodyRefusal {
  readonly status: 413 | 415;
  readonly phrase: string;
  /** A header line; undefined: nothing helps. */
  readonly line: string | undefined;
}

const offers: readonly string[] = ['application/sdp'];

/** What the bodies of a method may be; those of other methods are not looked at here. */
const servedBodies: ReadonlyMap<string, readonly string[]> = new Map([
  ['INVITE', offers],
  ['UPDATE', offers],
  ['INFO', ['application/dtmf-relay', 'application/dtmf']],
  ['MESSAGE', ['text/plain']],
]);

/** RFC 3428 §8, bytes. */
const longestText = 1_300;

/** Is the body one that we can read (RFC 3261 §8.2.3, RFC 6086 §4.2.2, RFC 3428 §7)? Undefined: yes, or it may be left unread. */
export function refuseBody({ method, body, headers }: SipRequest): BodyRefusal | undefined {
  const served = servedBodies.get(method);
  if (body === '' || served === undefined) return undefined;
  const encoding = headers.get('content-encoding')?.toLowerCase() ?? 'identity';
  if (encoding !== 'identity') return unsupported('Accept-Encoding: identity');
  const type = headers.get('content-type')?.split(';')[0]?.trim().toLowerCase() ?? 'application/sdp';
  const optional = /;\s*handling\s*=\s*optional/i.test(headers.get('content-disposition') ?? '');
  if (!served.includes(type) && !optional) return unsupported(`Accept: ${served.join(', ')}`);
  if (method === 'MESSAGE' && Buffer.byteLength(body) > longestText)
    return { status: 413, phrase: 'Request Entity Too Large', line: undefined };
  return undefined;
}

function unsupported(line: string): BodyRefusal {
  return { status: 415, phrase: 'Unsupported Media Type', line };
}
