import type { SipAccount } from '../../config/config.ts';
import type { Log } from '../../log.ts';
import { headerLine } from '../header-line.ts';
import { RegistrationLoop, type SipAnswer } from '../registration.ts';
import { parseUri } from '../sip-uri.ts';
import { addressOfRecord, digestOf, displayNameOf, escapeUser, hopOf } from './account.ts';
import type { EmbeddedCore } from './core.ts';
import { ExactUri } from './incoming-message.ts';
import { randomToken } from './outgoing-message.ts';
import { servedMethods } from './sip-js.ts';
import { transact } from './transact.ts';
import type { Wire } from './wire.ts';

const keepAliveMs = 25_000;

/** Registers an account through the embedded engine; one Call-ID for the life of the registration (RFC 3261 §10.2). */
export class EmbeddedRegistration extends RegistrationLoop {
  readonly #keepAlive: NodeJS.Timeout;

  constructor(account: SipAccount, core: EmbeddedCore, wire: Wire, log: Log) {
    const send = sender(account, core, wire);
    super({ expiresSeconds: account.expiresSeconds, send, log });
    // Keeps the NAT binding open that incoming calls come through.
    this.#keepAlive = setInterval(() => {
      if (this.state === 'registered')
        hopOf(account, wire).then(
          (hop) => wire.sockets.keepAlive(hop),
          () => {},
        );
    }, keepAliveMs).unref();
  }

  override async stop(): Promise<void> {
    clearInterval(this.#keepAlive);
    await super.stop();
  }
}

type Sender = (expiresSeconds: number) => Promise<SipAnswer & { contact: string }>;

function sender(account: SipAccount, core: EmbeddedCore, wire: Wire): Sender {
  const callId = randomToken();
  const digest = digestOf(account);
  let cseq = 0;
  return async (expiresSeconds) => {
    const registrar = parseUri(`sip:${account.domain}`);
    const self = addressOfRecord(account);
    if (registrar === undefined || self === undefined)
      throw new TypeError('the account is not a SIP address');
    const hop = await hopOf(account, wire);
    const local = await wire.sockets.localAddresses.towards(hop.address);
    const contact = wire.contact(escapeUser(account.user), local, hop.transport);
    const answer = await transact(core, wire, {
      method: 'REGISTER',
      target: new ExactUri(registrar),
      from: self,
      to: self,
      fromDisplayName: displayNameOf(account),
      callId,
      nextCseq: () => ++cseq,
      lines: [
        headerLine('Contact', contact),
        headerLine('Expires', String(expiresSeconds)),
        headerLine('Allow', servedMethods.join(', ')),
      ],
      hop,
      digest,
    });
    return { ...answer, contact };
  };
}
