import type { SipAccount } from '../config/config.ts';
import { headerLine } from './header-line.ts';

/** From of a call that shall not show who calls (RFC 3323 §4.1.1.3). */
export const anonymousParty = { displayName: 'Anonymous', uri: 'sip:anonymous@anonymous.invalid' } as const;

/** Lines that tell the account's server, and it alone, who calls anonymously (RFC 3325 §9.2, §9.3). Nothing for other calls. */
export function privacyLines(account: SipAccount, addressOfRecord: string): string[] {
  if (account.anonymous !== true) return [];
  return [headerLine('Privacy', 'id'), headerLine('P-Preferred-Identity', `<${addressOfRecord}>`)];
}
