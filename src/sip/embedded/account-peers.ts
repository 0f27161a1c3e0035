import type { SipAccount } from '../../config/config.ts';
import { fail, ok, type Result } from '../../errors.ts';
import type { DigestClient } from '../digest.ts';
import { headerLine } from '../header-line.ts';
import type { Peer } from '../peer-watch.ts';
import { parseUri, type SipUri } from '../sip-uri.ts';
import { type Hop, hopKey } from '../transport/packet.ts';
import { addressOfRecord, digestOf, displayNameOf, hopsOf } from './account.ts';
import type { EmbeddedCore } from './core.ts';
import { ExactUri } from './incoming-message.ts';
import { randomToken } from './outgoing-message.ts';
import { transact } from './transact.ts';
import type { Wire } from './wire.ts';

/** What OPTIONS is sent through (RFC 3261 §11). */
interface Stack {
  readonly core: EmbeddedCore;
  readonly wire: Wire;
}

/** The servers of an account as they are to be watched. Rejects when none is found. */
export async function peersOf(account: SipAccount, stack: Stack): Promise<Peer[]> {
  const target = parseUri(`sip:${account.domain}`);
  const hops = await hopsOf(account, stack.wire);
  return hops.map((hop) => ({
    key: hopKey(hop),
    ask: async () => {
      const answer = await ask(stack, account, target, [hop], undefined);
      return answer.ok ? answer.value : undefined;
    },
    avoid: (seconds) => stack.wire.health.failed(hop, seconds),
  }));
}

/** The state of any peer: through the account that it belongs to, else as the first account. */
export async function askPeer(
  target: string,
  accounts: readonly [SipAccount, ...SipAccount[]],
  stack: Stack,
): Promise<Result<number>> {
  const uri = parseUri(target);
  const own = accounts.find(({ domain, server }) => uri?.host === domain || uri?.host === server);
  const account = own ?? accounts[0];
  if (uri?.scheme !== 'sip') return fail('bad-request', 'not a SIP URI');
  try {
    const hops = own === undefined ? await stack.wire.resolveAll(uri) : await hopsOf(own, stack.wire);
    return await ask(stack, account, uri, hops, digestOf(account));
  } catch (error) {
    return fail('phone-unreachable', String(error));
  }
}

async function ask(
  { core, wire }: Stack,
  account: SipAccount,
  target: SipUri | undefined,
  hops: readonly [Hop, ...Hop[]],
  digest: DigestClient | undefined,
): Promise<Result<number>> {
  const from = addressOfRecord(account);
  if (target === undefined || from === undefined) return fail('bad-request', 'not a SIP URI');
  const uri = new ExactUri(target);
  let cseq = 0;
  const { response, fault } = await transact(core, wire, {
    method: 'OPTIONS',
    target: uri,
    from,
    to: uri,
    fromDisplayName: displayNameOf(account),
    callId: randomToken(),
    nextCseq: () => ++cseq,
    lines: async () => [headerLine('Accept', 'application/sdp')],
    hops,
    digest,
  });
  return response === undefined ? fail('phone-unreachable', fault) : ok(response.status);
}
