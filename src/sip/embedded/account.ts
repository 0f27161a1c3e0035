import type { SipAccount } from '../../config/config.ts';
import { DigestClient } from '../digest.ts';
import { quoted } from '../header-line.ts';
import { parseUri } from '../sip-uri.ts';
import type { Hop } from '../transport/packet.ts';
import { ExactUri } from './incoming-message.ts';
import type { Wire } from './wire.ts';

/**
 * Registrar and outbound proxy of an account with its backups, as addresses, those that failed lately at the end. Rejects
 * when no name can be resolved.
 */
export async function hopsOf(account: SipAccount, wire: Wire): Promise<[Hop, ...Hop[]]> {
  const { transport } = account;
  const servers = [{ host: account.server, port: account.port }, ...(account.backupServers ?? [])];
  const resolved = await Promise.allSettled(
    servers.map(({ host, port }) => wire.sockets.resolver.resolve({ host, port, transport })),
  );
  const hops = resolved.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
  const [first, ...others] = wire.health.order(hops);
  if (first !== undefined) return [first, ...others];
  throw resolved.find((result) => result.status === 'rejected')?.reason;
}

export function digestOf(account: SipAccount): DigestClient | undefined {
  if (account.password === undefined) return undefined;
  return new DigestClient({ user: account.authUser || account.user, password: account.password });
}

/** Address of record; undefined when user and domain do not make a URI. */
export function addressOfRecord(account: SipAccount): ExactUri | undefined {
  const user = account.user === '' ? '' : `${escapeUser(account.user)}@`;
  const uri = parseUri(`sip:${user}${account.domain}`);
  return uri === undefined ? undefined : new ExactUri(uri);
}

/** sip.js puts the display name between quotes as it is. */
export function displayNameOf(account: SipAccount): string {
  return account.displayName === undefined ? '' : quoted(account.displayName).slice(1, -1);
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
