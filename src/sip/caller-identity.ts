import type { SipCall } from './engine.ts';
import type { Headers, SipRequest } from './message.ts';
import { type NameAddr, parseNameAddr } from './name-addr.ts';
import { remoteOf } from './remote-party.ts';

const anonymous: SipCall['remote'] = {
  uri: 'sip:anonymous@anonymous.invalid',
  user: 'anonymous',
  displayName: 'Anonymous',
};

/** What RFC 3323 and RFC 3325 ask to keep: who called. `session` and `critical` ask for other things. */
const hiding = new Set(['id', 'user', 'header']);

/**
 * Who calls, as it may be shown. A caller that asks for privacy (RFC 3323, RFC 3325 §9.3) or has an anonymous From is nobody. From a
 * `trusted` peer P-Asserted-Identity (RFC 3325 §9.1) counts more than From, and it may say who passed the call on: Diversion (RFC
 * 5806) or History-Info (RFC 7044).
 */
export function callerOf({ headers, from }: SipRequest, trusted: boolean): SipCall['remote'] {
  const diverted = trusted ? diverterOf(headers) : undefined;
  const diversion = diverted === undefined ? {} : { diverted };
  if (isPrivate(headers)) return { ...anonymous, ...diversion };
  const asserted = trusted ? assertedIdentity(headers) : undefined;
  if (asserted === undefined && isAnonymous(from)) return { ...anonymous, ...diversion };
  const shown = asserted === undefined ? remoteOf(from) : remoteOf(asserted);
  const named = isAnonymous(from) ? undefined : remoteOf(from).displayName;
  return { ...shown, displayName: shown.displayName ?? named, ...diversion };
}

function isPrivate(headers: Headers): boolean {
  // RFC 3323 §4.2 separates with semicolons; commas are seen too.
  return headers.list('privacy').some((value) => value.split(';').some(hides));
}

function hides(value: string): boolean {
  return hiding.has(value.trim().toLowerCase());
}

function isAnonymous({ uri }: NameAddr): boolean {
  return uri.host === 'anonymous.invalid' || uri.user?.toLowerCase() === 'anonymous';
}

/** There may be a SIP and a tel URI of the same party (RFC 3325 §9.1); the one with a name says more. */
function assertedIdentity(headers: Headers): NameAddr | undefined {
  const identities = headers
    .list('p-asserted-identity')
    .slice(0, 4)
    .flatMap((value) => parseNameAddr(value) ?? []);
  const [first] = identities;
  return identities.find(({ displayName }) => displayName !== undefined) ?? first;
}

/** Who passed the call on last. */
function diverterOf(headers: Headers): { user: string; displayName: string | undefined } | undefined {
  const [latest] = headers.list('diversion');
  const diversion = latest === undefined ? undefined : parseNameAddr(latest);
  const diverter = diversion ?? historyOf(headers);
  if (diverter === undefined || keepsPrivate(diverter)) return undefined;
  const { user, displayName } = remoteOf(diverter);
  return user === '' ? undefined : { user, displayName };
}

/** The entry before the last one is who was called before us. */
function historyOf(headers: Headers): NameAddr | undefined {
  const entry = headers.list('history-info').slice(0, 20).at(-2);
  return entry === undefined ? undefined : parseNameAddr(entry);
}

/** RFC 5806 §4: `privacy=full`; RFC 7044 §10.1.2: a Privacy header inside the URI. */
function keepsPrivate({ uri, parameters }: NameAddr): boolean {
  const asked = parameters.get('privacy')?.toLowerCase();
  const hidden = asked !== undefined && asked !== 'off';
  return hidden || /(?:^|&)privacy=/i.test(uri.headers ?? '') || uri.host === 'anonymous.invalid';
}
