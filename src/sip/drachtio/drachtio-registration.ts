import type { SipAccount } from '../../config/config.ts';
import type { Log } from '../../log.ts';
import { digestOf } from '../credentials.ts';
import { headerLine } from '../header-line.ts';
import { RegistrationLoop, type SipAnswer } from '../registration.ts';
import { servedMethods } from '../served-methods.ts';
import {
  addressOfRecord,
  contactLine,
  fromLine,
  proxiesOf,
  randomToken,
  type ServerHealth,
} from './outgoing-invite.ts';
import type { DrachtioServers } from './servers.ts';
import { transact } from './transact.ts';

export interface DrachtioRegistrationOptions {
  readonly account: SipAccount;
  readonly servers: DrachtioServers;
  readonly health: ServerHealth;
  /** Other gateways use the same Contact, that of the drachtio-server: it is not taken back. */
  readonly keep: boolean;
  readonly log: Log;
}

/**
 * Registers an account with the address of a drachtio-server: of the first one that is connected, so that a PBX that forks
 * does not offer a call once per server.
 */
export class DrachtioRegistration extends RegistrationLoop {
  constructor(options: DrachtioRegistrationOptions) {
    const { account, log } = options;
    super({
      expiresSeconds: account.expiresSeconds,
      ...(account.checkSeconds !== undefined && { checkSeconds: account.checkSeconds }),
      send: sender(options),
      log,
    });
  }
}

function sender({ account, servers, health, keep }: DrachtioRegistrationOptions): Sender {
  const callId = randomToken();
  const tag = randomToken();
  const digest = digestOf(account);
  const address = addressOfRecord(account);
  let cseq = 0;
  return async (expiresSeconds) => {
    if (address === undefined) throw new TypeError('the account is not a SIP address');
    const session = servers.first();
    if (session === undefined) return nobody('not attached to any drachtio-server');
    if (expiresSeconds === 0 && keep) return nobody('left to the other gateways');
    const { response, fault, sent } = await transact(session, {
      method: 'REGISTER',
      uri: `sip:${account.domain}`,
      proxies: proxiesOf(account, health),
      nextCseq: () => ++cseq,
      lines: [
        fromLine({ ...account, displayName: undefined }, address, tag),
        headerLine('To', `<${address}>`),
        headerLine('Call-ID', callId),
        contactLine(account),
        headerLine('Expires', String(expiresSeconds)),
        headerLine('Allow', servedMethods.join(', ')),
      ],
      digest,
      health,
    });
    return { response, fault, contact: sent?.headers.get('contact') ?? '' };
  };
}

type Sender = (expiresSeconds: number) => Promise<SipAnswer & { contact: string }>;

function nobody(fault: string): SipAnswer & { contact: string } {
  return { response: undefined, fault, contact: '' };
}
