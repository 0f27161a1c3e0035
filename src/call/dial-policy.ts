import type { DialRoute, NumberRewriting, SipAccount } from '../config/config.ts';
import { fail, ok, type Result } from '../errors.ts';
import type { SipHeader } from '../sip/engine.ts';
import { type Dialled, type Way, waysFor } from './dial-routes.ts';

/** What a participant asked for, before anything has left the gateway. */
export interface DialQuestion {
  readonly to: string;
  readonly headers: readonly SipHeader[];
  readonly accounts: readonly [SipAccount, ...SipAccount[]];
  readonly routes: readonly DialRoute[];
}

/** A way in which the call may be placed. */
export interface DialPlan {
  readonly account: SipAccount;
  /** SIP URI of the destination, as this account wants it. */
  readonly target: string;
  /** Dial headers whose names the operator allows to pass. */
  readonly headers: readonly SipHeader[];
}

/** Digits, star codes and plain user names; parameters and escapes have no business in a dialled number. */
const dialable = /^\+?[A-Za-z0-9._*#-]{1,64}$/;
const numeric = /^\+?[0-9*#.-]+$/;

/** Turns a dial request into the ways to place the call, best first. */
export function planDial(question: DialQuestion): Result<readonly [DialPlan, ...DialPlan[]]> {
  const dialled = readDialled(question);
  if (!dialled.ok) return dialled;
  const ways = waysFor(dialled.value, question.accounts, question.routes);
  if (!ways.ok) return ways;
  const [first, ...others] = ways.value.flatMap((way) => planOf(way, dialled.value) ?? []);
  return first === undefined ? fail('bad-request', 'nothing is left of the number') : ok([first, ...others]);
}

function readDialled({ to, headers }: DialQuestion): Result<Dialled> {
  const [user = '', domain, ...rest] = to.replace(/^(sips?|tel):/i, '').split('@');
  if (rest.length > 0) return fail('bad-request', 'the destination has two domains');
  const number = user.replace(/(?<=[\d)+])[\s().-]+(?=[\d(])/g, '').replace(/^\((?=\d)/, '');
  if (!dialable.test(number))
    return fail('bad-request', 'the destination has characters that cannot be dialled');
  return ok({ number, domain: domain?.toLowerCase(), headers });
}

function planOf({ account, domain }: Way, { number, headers }: Dialled): DialPlan | undefined {
  const { rewriting, forwardedHeaders } = account.profile;
  const wanted = rewritten(number, rewriting);
  if (wanted === '') return undefined;
  return {
    account,
    target: `sip:${rewriting.prefix}${wanted.replaceAll('#', '%23')}@${domain}`,
    headers: headers.filter((header) => mayPass(header.name, forwardedHeaders)),
  };
}

/** Names are not touched. */
function rewritten(number: string, { strip, changes }: NumberRewriting): string {
  if (!numeric.test(number)) return number;
  const rest = number.slice(strip);
  const change = changes.find(({ from }) => rest.startsWith(from));
  return change === undefined ? rest : change.to + rest.slice(change.from.length);
}

/** `forwardedHeaders` holds lower-case names; a trailing `*` stands for any rest. */
function mayPass(name: string, allowed: readonly string[]): boolean {
  const lower = name.toLowerCase();
  return allowed.some((entry) =>
    entry.endsWith('*') ? lower.startsWith(entry.slice(0, -1)) : lower === entry,
  );
}
