import type { SipAccount } from '../config/config.ts';
import { type DialQuestion, planDial } from './dial-policy.ts';

/** Digits, star codes and plain user names, as in what may be dialled. */
const dialable = /^\+?[A-Za-z0-9._*#-]{1,64}$/;

/**
 * Whether a redirect may lead to a SIP URI: where a participant could have called with the same account, and nowhere else. A phone
 * that answers 302 would otherwise let us call whatever it likes at our expense. With rules for dialled numbers they hold for the
 * new number, too, as it was written by the PBX.
 */
export function mayFollow(target: string, account: SipAccount, question: Omit<DialQuestion, 'to'>): boolean {
  const [, user = '', host = ''] = /^sip:([^@;?]+)@(\[[^\]]*\]|[^:;?]+)/i.exec(target) ?? [];
  const number = user.replaceAll('%23', '#');
  const own = [account.domain, account.server].some((name) => name.toLowerCase() === host.toLowerCase());
  if (!own || !dialable.test(number)) return false;
  if (question.routes.length === 0) return true;
  return [number, `${number}@${account.domain}`].some((to) => {
    const plans = planDial({ ...question, to });
    return plans.ok && plans.value.some((plan) => plan.account === account);
  });
}
