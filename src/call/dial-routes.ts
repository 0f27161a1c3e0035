import type { DialRoute, SipAccount } from '../config/config.ts';
import { fail, ok, type Result } from '../errors.ts';
import type { SipHeader } from '../sip/engine.ts';

/** What a participant dialled. */
export interface Dialled {
  /** Without spaces and brackets, before an account changes it. */
  readonly number: string;
  /** Of a dialled URI, lower case. */
  readonly domain: string | undefined;
  /** Of the dial request. */
  readonly headers: readonly SipHeader[];
}

/** An account that a number may go by, and the domain it is called at. */
export interface Way {
  readonly account: SipAccount;
  readonly domain: string;
}

/**
 * The accounts that a dialled number may go by, best first. Without rules that is the first account, or those whose domain was
 * dialled. With rules the first one that fits decides; a number that none fits is refused, as nobody allowed it. A domain goes
 * only by accounts of that domain, or by a rule that names it: a room must not call out over somebody else's proxy.
 */
export function waysFor(
  dialled: Dialled,
  accounts: readonly [SipAccount, ...SipAccount[]],
  routes: readonly DialRoute[],
): Result<readonly Way[]> {
  if (routes.length === 0) {
    const ways = dialled.domain === undefined ? [wayOf(accounts[0])] : atDomain(accounts, dialled.domain);
    return ways.length > 0
      ? ok(ways)
      : fail('bad-request', 'the destination must be a number or a user of an account’s domain');
  }
  for (const route of routes) {
    const ways = fits(route, dialled) ? waysOf(route, dialled.domain, accounts) : [];
    if (ways.length > 0) return ok(ways);
  }
  return fail('destination-refused', 'no rule for dialled numbers fits');
}

function waysOf(route: DialRoute, domain: string | undefined, accounts: readonly SipAccount[]): Way[] {
  const chosen = route.accounts.flatMap((name) => accounts.filter((account) => account.name === name));
  if (domain === undefined) return chosen.map(wayOf);
  if (route.domains.length > 0) return chosen.map((account) => ({ account, domain }));
  return atDomain(chosen, domain);
}

function atDomain(accounts: readonly SipAccount[], domain: string): Way[] {
  return accounts.map(wayOf).filter((way) => way.domain.toLowerCase() === domain);
}

function wayOf(account: SipAccount): Way {
  return { account, domain: account.domain };
}

function fits({ prefixes, domains, header }: DialRoute, dialled: Dialled): boolean {
  if (prefixes.length > 0 && !prefixes.some((prefix) => begins(dialled.number, prefix))) return false;
  if (domains.length > 0 && !domains.some((domain) => domain === dialled.domain)) return false;
  if (header === undefined) return true;
  return dialled.headers.some(
    ({ name, value }) =>
      name.toLowerCase() === header.name.toLowerCase() &&
      (header.value === undefined || value.trim() === header.value),
  );
}

/** `?` in a prefix is any digit. */
function begins(number: string, prefix: string): boolean {
  if (number.length < prefix.length) return false;
  return [...prefix].every((sign, at) => (sign === '?' ? /\d/.test(number[at] ?? '') : sign === number[at]));
}
