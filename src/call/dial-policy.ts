import type { SipAccount } from '../config/config.ts';
import { fail, ok, type Result } from '../errors.ts';
import type { SipHeader } from '../sip/engine.ts';

/** What a participant asked for, before anything has left the gateway. */
export interface DialQuestion {
  readonly to: string;
  readonly headers: readonly SipHeader[];
  readonly account: SipAccount;
}

/** A call that may be placed. */
export interface DialPlan {
  readonly account: SipAccount;
  /** SIP URI of the destination. */
  readonly target: string;
  /** Dial headers whose names the operator allows to pass. */
  readonly headers: readonly SipHeader[];
}

/** Digits, star codes and plain user names; parameters and escapes have no business in a dialled number. */
const dialable = /^\+?[A-Za-z0-9._*#-]{1,64}$/;

/**
 * Turns a dial request into a destination at the account's domain. A full URI is taken only when it names that domain: the
 * room must not be able to call out over somebody else's proxy.
 */
export function planDial(question: DialQuestion): Result<DialPlan> {
  const { account } = question;
  const { rewriting, forwardedHeaders } = account.profile;
  const number = numberOf(question.to, account.domain);
  if (!number.ok) return number;
  const headers = question.headers.filter((header) => mayPass(header.name, forwardedHeaders));
  return ok({ account, target: `sip:${rewriting.prefix}${number.value}@${account.domain}`, headers });
}

function numberOf(to: string, domain: string): Result<string> {
  const [user = '', host, ...rest] = to.replace(/^(sips?|tel):/i, '').split('@');
  if (rest.length > 0 || (host !== undefined && host.toLowerCase() !== domain.toLowerCase())) {
    return fail('bad-request', 'the destination must be a number or a user of the account’s domain');
  }
  const compact = user.replace(/(?<=[\d)+])[\s().-]+(?=[\d(])/g, '').replace(/^\((?=\d)/, '');
  if (!dialable.test(compact))
    return fail('bad-request', 'the destination has characters that cannot be dialled');
  return ok(compact.replaceAll('#', '%23'));
}

/** `forwardedHeaders` holds lower-case names; a trailing `*` stands for any rest. */
function mayPass(name: string, allowed: readonly string[]): boolean {
  const lower = name.toLowerCase();
  return allowed.some((entry) =>
    entry.endsWith('*') ? lower.startsWith(entry.slice(0, -1)) : lower === entry,
  );
}
