import { hasControl, trimSpace } from './header-text.ts';
import type { Headers } from './message.ts';
import { parseNameAddr } from './name-addr.ts';
import { parseReplaces } from './refer-replaces.ts';
import type { SipUri } from './sip-uri.ts';

/** What a REFER asks for (RFC 3515 §2.4.2). */
export interface ReferTarget {
  /** SIP URI without headers. */
  readonly target: string;
  /** Value of the Replaces header that the URI brings (RFC 3891 §1). */
  readonly replaces: string | undefined;
  readonly referredBy: string | undefined;
  /** False: the peer wants no NOTIFY (RFC 4488). */
  readonly subscribes: boolean;
}

export interface ReferRefusal {
  readonly status: 400 | 416;
  readonly phrase: string;
}

export type ReferOutcome = ({ readonly ok: true } & ReferTarget) | ({ readonly ok: false } & ReferRefusal);

const longest = 512;
/** Escapes that would be control characters for whoever decodes them. */
const escapedControl = /%(?:[01][0-9a-f]|7f)/i;
const malformed = { ok: false, status: 400, phrase: 'Bad Request' } as const;

/** Exactly one Refer-To with a SIP URI; of the headers in that URI only Replaces is taken, any other refuses it all. */
export function referTarget(headers: Headers): ReferOutcome {
  const values = headers.list('refer-to');
  const [value] = values;
  const uri = value === undefined || values.length > 1 ? undefined : parseNameAddr(value)?.uri;
  if (uri === undefined || uri.text.length > longest || escapedControl.test(uri.text)) return malformed;
  if (uri.scheme !== 'sip') return { ok: false, status: 416, phrase: 'Unsupported URI Scheme' };
  const method = uri.parameters.get('method');
  const replaces = embeddedReplaces(uri);
  const referredBy = referrer(headers);
  if ((method !== undefined && method !== 'INVITE') || replaces === false || referredBy === false)
    return malformed;
  const subscribes = !/^\s*false\s*(?:;|$)/i.test(headers.get('refer-sub') ?? '');
  return { ok: true, target: bareTarget(uri), replaces, referredBy, subscribes };
}

/** As a Request-URI may be written (RFC 3261 §19.1.1): without headers and method. */
function bareTarget({ text, headers }: SipUri): string {
  const bare = headers === undefined ? text : text.slice(0, text.length - headers.length - 1);
  return bare.replace(/;method=INVITE(?=;|$)/i, '');
}

/** The decoded Replaces among the headers of the URI; false: they must not be obeyed. */
function embeddedReplaces({ headers }: SipUri): string | undefined | false {
  let replaces: string | undefined;
  for (const field of headers === undefined ? [] : headers.split('&')) {
    const equals = field.indexOf('=');
    const name = field.slice(0, equals).toLowerCase();
    const value = decoded(field.slice(equals + 1));
    if (equals < 0 || value === undefined) return false;
    // What goes with Replaces anyway.
    if (name === 'require' && value.toLowerCase() === 'replaces') continue;
    if (name !== 'replaces' || replaces !== undefined || parseReplaces(value) === undefined) return false;
    replaces = value;
  }
  return replaces;
}

function decoded(text: string): string | undefined {
  try {
    const value = trimSpace(decodeURIComponent(text));
    return hasControl(value) ? undefined : value;
  } catch {
    return undefined;
  }
}

/** The Referred-By of the request (RFC 3892 §2.1: one at most); false: malformed. */
function referrer(headers: Headers): string | undefined | false {
  const values = headers.list('referred-by');
  const [value] = values;
  if (value === undefined) return undefined;
  const usable = values.length === 1 && value.length <= longest && !hasControl(value);
  return usable && parseNameAddr(value) !== undefined ? value : false;
}
