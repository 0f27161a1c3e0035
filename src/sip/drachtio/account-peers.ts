import type { SipAccount } from '../../config/config.ts';
import { fail, ok, type Result } from '../../errors.ts';
import { digestOf } from '../credentials.ts';
import type { DigestClient } from '../digest.ts';
import { headerLine } from '../header-line.ts';
import type { Peer } from '../peer-watch.ts';
import { parseUri } from '../sip-uri.ts';
import {
  addressOfRecord,
  fromLine,
  proxiesOf,
  randomToken,
  type ServerHealth,
  serversOf,
} from './outgoing-invite.ts';
import type { DrachtioServers } from './servers.ts';
import { transact } from './transact.ts';

/** What OPTIONS is sent through (RFC 3261 §11). */
export interface DrachtioStack {
  readonly servers: DrachtioServers;
  readonly health: ServerHealth;
}

/** The servers of an account as they are to be watched; none while no drachtio-server is there to ask through. */
export function peersOf(account: SipAccount, stack: DrachtioStack): Peer[] {
  if (stack.servers.attached === 0) return [];
  return serversOf(account).map((server) => ({
    key: server,
    ask: async () => {
      const answer = await ask(stack, account, `sip:${account.domain}`, [server], undefined);
      return answer.ok ? answer.value : undefined;
    },
    // Without the drachtio-server nothing is known about the peer.
    avoid: (seconds) => (stack.servers.attached > 0 ? stack.health.failed(server, seconds) : undefined),
  }));
}

/** The state of any peer: through the account that it belongs to, else as the first account. */
export async function askPeer(
  target: string,
  accounts: readonly [SipAccount, ...SipAccount[]],
  stack: DrachtioStack,
): Promise<Result<number>> {
  const uri = parseUri(target);
  const own = accounts.find(({ domain, server }) => uri?.host === domain || uri?.host === server);
  const account = own ?? accounts[0];
  if (uri?.scheme !== 'sip') return fail('bad-request', 'not a SIP URI');
  const proxies = own === undefined ? ([undefined] as const) : proxiesOf(own, stack.health);
  return ask(stack, account, uri.text, proxies, digestOf(account));
}

async function ask(
  { servers, health }: DrachtioStack,
  account: SipAccount,
  uri: string,
  proxies: readonly [string | undefined, ...(string | undefined)[]],
  digest: DigestClient | undefined,
): Promise<Result<number>> {
  const from = addressOfRecord(account);
  if (from === undefined) return fail('bad-request', 'not a SIP URI');
  const session = servers.next();
  if (session === undefined) return fail('phone-unreachable', 'not attached to any drachtio-server');
  let cseq = 0;
  const { response, fault } = await transact(session, {
    method: 'OPTIONS',
    uri,
    proxies,
    nextCseq: () => ++cseq,
    lines: [
      fromLine(account, from, randomToken()),
      headerLine('To', `<${uri}>`),
      headerLine('Call-ID', randomToken()),
      headerLine('Accept', 'application/sdp'),
    ],
    digest,
    health,
  });
  return response === undefined ? fail('phone-unreachable', fault) : ok(response.status);
}
