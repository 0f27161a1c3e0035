import type { SipAccount } from '../../config/config.ts';
import { escapeUser } from '../credentials.ts';
import { quoted } from '../header-line.ts';
import { parseUri } from '../sip-uri.ts';
import type { Hop } from '../transport/packet.ts';
import { ExactUri } from './incoming-message.ts';
import type { Wire } from './wire.ts';

export { digestOf, escapeUser } from '../credentials.ts';

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
  wire.servers.set(account.name, hops);
  const [first, ...others] = wire.health.order(hops);
  if (first !== undefined) return [first, ...others];
  throw resolved.find((result) => result.status === 'rejected')?.reason;
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
