import type { SipAccount } from '../config/config.ts';
import { fail, ok, type Result } from '../errors.ts';
import { type DialQuestion, planDial } from './dial-policy.ts';

/** Digits, star codes and plain user names, as in what may be dialled. */
const dialable = /^\+?[A-Za-z0-9._*#-]{1,64}$/;

/**
 * Whether the PBX may have us call a SIP URI in its place. The account says how far that goes: not at all, to its own domain and
 * servers, or anywhere. With rules for dialled numbers they hold for the target, too, as it was written by the PBX: a peer that
 * could send us anywhere could call at our expense.
 */
export function judgeTransfer(
  target: string,
  account: SipAccount,
  question: Omit<DialQuestion, 'to'>,
): Result<void> {
  const { transfer = 'own-domain' } = account.profile;
  if (transfer === 'off') return fail('destination-refused', 'the account does not transfer');
  const [, user = '', written = ''] = /^sip:([^@;?]+)@(\[[^\]]*\]|[^:;?]+)/i.exec(target) ?? [];
  const host = written.toLowerCase();
  const number = user.replaceAll('%23', '#');
  if (host === '' || !dialable.test(number))
    return fail('destination-refused', 'the target cannot be dialled');
  const own = ownHosts(account).includes(host);
  if (!own && transfer !== 'any')
    return fail('destination-refused', 'the target is not at the account’s domain');
  if (question.routes.length === 0) return ok(undefined);
  const dialled = own ? [number, `${number}@${account.domain}`] : [`${number}@${host}`];
  const fits = dialled.some((to) => {
    const plans = planDial({ ...question, to });
    return plans.ok && plans.value.some((plan) => plan.account === account);
  });
  return fits ? ok(undefined) : fail('destination-refused', 'no rule for dialled numbers fits the target');
}

function ownHosts({ domain, server, backupServers = [] }: SipAccount): string[] {
  return [domain, server, ...backupServers.map(({ host }) => host)].map((name) => name.toLowerCase());
}
