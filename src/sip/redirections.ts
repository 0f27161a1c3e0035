import type { SipAccount } from '../config/config.ts';
import type { Headers } from './message.ts';
import { type NameAddr, parseNameAddr } from './name-addr.ts';
import { parseUri, type SipUri } from './sip-uri.ts';

/** Targets that are tried for one call after the one that was dialled; a chain of redirects ends here too. */
const targetsTried = 5;
const contactsRead = 10;

/**
 * Where the 3xx answers to one call lead (RFC 3261 §8.1.3.4): best q first, what a redirected target adds before what is left, none
 * twice. A peer could send us to a number that costs money: only what `mayFollow` allows is taken.
 */
export class Redirections {
  readonly #account: SipAccount;
  readonly #mayFollow: (target: string) => boolean;
  readonly #seen = new Set<string>();
  readonly #waiting: SipUri[] = [];
  #tried = 0;

  /** `mayFollow` undefined: the account's own domain and server alone. */
  constructor(
    dialled: SipUri | undefined,
    account: SipAccount,
    mayFollow: ((target: string) => boolean) | undefined,
  ) {
    this.#account = account;
    this.#mayFollow = mayFollow ?? ((target) => isOwn(parseUri(target), account));
    if (dialled !== undefined) this.#seen.add(identity(dialled));
  }

  /** Takes the contacts of a 3xx. */
  add(headers: Headers): void {
    const contacts = headers.list('contact').slice(0, contactsRead).map(parseNameAddr);
    const ranked = contacts.filter((contact) => contact !== undefined).sort((a, b) => qOf(b) - qOf(a));
    const fresh = ranked.flatMap(({ uri }) => {
      const target = withoutHeaders(uri);
      if (target.scheme !== 'sip' || this.#seen.has(identity(target))) return [];
      this.#seen.add(identity(target));
      return this.#mayFollow(target.text) ? [target] : [];
    });
    this.#waiting.unshift(...fresh);
  }

  /** The next target; undefined: there is none, or enough have been tried. */
  next(): SipUri | undefined {
    if (this.#tried === targetsTried) return undefined;
    const target = this.#waiting.shift();
    if (target !== undefined) this.#tried += 1;
    return target;
  }

  /** True when the account's server serves the target: it goes there, and our credentials may. */
  isOwn(target: SipUri): boolean {
    return isOwn(target, this.#account);
  }
}

/** Another port of the PBX's own host is another user agent. */
function isOwn(target: SipUri | undefined, { domain, server, port }: SipAccount): boolean {
  if (target?.host === domain.toLowerCase()) return target.port === undefined || target.port === port;
  return target?.host === server.toLowerCase() && (target.port ?? 5060) === (port ?? 5060);
}

/** RFC 3261 §20.10: without q it is 1; what is no number counts as nothing. */
function qOf({ parameters }: NameAddr): number {
  const q = parameters.get('q');
  if (q === undefined) return 1;
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(q) ? Number(q) : 0;
}

function identity({ user, host, port }: SipUri): string {
  return `${user ?? ''}@${host}:${port ?? ''}`;
}

/** A Contact of a redirect may carry headers for the new request; we take none from a peer. */
function withoutHeaders(uri: SipUri): SipUri {
  const question = uri.text.indexOf('?');
  return question < 0 ? uri : { ...uri, text: uri.text.slice(0, question), headers: undefined };
}
