import type { SipAccount } from '../config/config.ts';
import { DigestClient } from './digest.ts';

export function digestOf(account: SipAccount): DigestClient | undefined {
  if (account.password === undefined) return undefined;
  return new DigestClient({ user: account.authUser || account.user, password: account.password });
}

/** What RFC 3261 §25.1 does not allow in a user part is escaped. */
export function escapeUser(user: string): string {
  return Buffer.from(user, 'utf8')
    .toString('latin1')
    .replace(/[^A-Za-z0-9\-_.!~*'()&=+$,;?/%]/g, (character) => `%${hex(character)}`)
    .replace(/%(?![0-9A-Fa-f]{2})/g, '%25');
}

function hex(character: string): string {
  return character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0');
}
