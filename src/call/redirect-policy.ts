import type { SipAccount } from '../config/config.ts';

/** Digits, star codes and plain user names, as in what may be dialled. */
const dialable = /^\+?[A-Za-z0-9._*-]{1,64}$/;

/**
 * Whether a redirect may lead to a SIP URI: where a participant could have called with the same account, and nowhere else. A phone
 * that answers 302 would otherwise let us call whatever it likes at our expense.
 */
export function mayFollow(target: string, { domain, server }: SipAccount): boolean {
  const [, user = '', host = ''] = /^sip:([^@;?]+)@(\[[^\]]*\]|[^:;?]+)/i.exec(target) ?? [];
  const own = [domain, server].some((name) => name.toLowerCase() === host.toLowerCase());
  return own && dialable.test(user.replaceAll('%23', '*'));
}
