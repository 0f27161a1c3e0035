import type { SipAccount } from '../../config/config.ts';
import type { Log } from '../../log.ts';
import { headerLine } from '../header-line.ts';
import { RegistrationLoop, type SipAnswer } from '../registration.ts';
import { servedMethods } from '../served-methods.ts';
import { parseUri } from '../sip-uri.ts';
import { type Hop, hopKey } from '../transport/packet.ts';
import { addressOfRecord, digestOf, displayNameOf, escapeUser, hopsOf } from './account.ts';
import type { EmbeddedCore } from './core.ts';
import { ExactUri } from './incoming-message.ts';
import { randomToken } from './outgoing-message.ts';
import { transact } from './transact.ts';
import type { Wire } from './wire.ts';

const keepAliveMs = 25_000;
const addressCheckMs = 5_000;
const movesApartMs = 20_000;

/**
 * Registers an account through the embedded engine, with the first of its registrars that answers. It registers again at
 * once when the connection to that one closes or when our own address towards it changes.
 */
export class EmbeddedRegistration extends RegistrationLoop {
  readonly #wire: Wire;
  readonly #binding: Binding;
  readonly #timers: readonly NodeJS.Timeout[];
  readonly #unwatch: () => void;
  #moved = 0;

  constructor(account: SipAccount, core: EmbeddedCore, wire: Wire, log: Log) {
    const binding = new Binding(account, core, wire);
    super({
      expiresSeconds: account.expiresSeconds,
      ...(account.checkSeconds !== undefined && { checkSeconds: account.checkSeconds }),
      send: async (expiresSeconds) => {
        const answer = await binding.send(expiresSeconds);
        if (expiresSeconds > 0) void this.#afterAnswer();
        return answer;
      },
      log,
    });
    this.#wire = wire;
    this.#binding = binding;
    this.#timers = [
      // Keeps the NAT binding open that incoming calls come through.
      setInterval(() => this.#keepAlive(), keepAliveMs).unref(),
      setInterval(() => void this.#checkAddress(), addressCheckMs).unref(),
    ];
    this.#unwatch = wire.watchConnections((hop) => {
      if (binding.hop !== undefined && hopKey(hop) === hopKey(binding.hop)) this.refresh();
    });
  }

  override async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#unwatch();
    await super.stop();
  }

  #keepAlive(): void {
    const { hop } = this.#binding;
    if (this.state === 'registered' && hop !== undefined) void this.#wire.sockets.keepAlive(hop);
  }

  /** The answer may have told how we are seen through a NAT; one that changes with each request is not followed. */
  async #afterAnswer(): Promise<void> {
    if (Date.now() - this.#moved < movesApartMs || !(await this.#binding.moved())) return;
    this.#moved = Date.now();
    this.refresh();
  }

  async #checkAddress(): Promise<void> {
    if (this.state === 'registered') await this.#afterAnswer();
  }
}

/** Our entry in the registrar's table; one Call-ID for its life (RFC 3261 §10.2). */
class Binding {
  readonly #account: SipAccount;
  readonly #core: EmbeddedCore;
  readonly #wire: Wire;
  readonly #callId = randomToken();
  readonly #digest: ReturnType<typeof digestOf>;
  #cseq = 0;
  #registered: { readonly hop: Hop; readonly contact: string } | undefined;

  constructor(account: SipAccount, core: EmbeddedCore, wire: Wire) {
    this.#account = account;
    this.#core = core;
    this.#wire = wire;
    this.#digest = digestOf(account);
  }

  /** The registrar that has us. */
  get hop(): Hop | undefined {
    return this.#registered?.hop;
  }

  /** True when we are now reached by another address than the one that is registered. */
  async moved(): Promise<boolean> {
    if (this.#registered === undefined) return false;
    const { hop, contact } = this.#registered;
    const now = await this.#contact(hop, true).catch(() => contact);
    return now !== contact;
  }

  async send(expiresSeconds: number): Promise<SipAnswer & { contact: string }> {
    const account = this.#account;
    const registrar = parseUri(`sip:${account.domain}`);
    const self = addressOfRecord(account);
    if (registrar === undefined || self === undefined)
      throw new TypeError('the account is not a SIP address');
    const hops = await hopsOf(account, this.#wire);
    let contact = '';
    const answer = await transact(this.#core, this.#wire, {
      method: 'REGISTER',
      target: new ExactUri(registrar),
      from: self,
      to: self,
      fromDisplayName: displayNameOf(account),
      callId: this.#callId,
      nextCseq: () => ++this.#cseq,
      lines: async (hop) => {
        contact = await this.#contact(hop, false);
        return [
          headerLine('Contact', contact),
          ...this.#former(contact),
          headerLine('Expires', String(expiresSeconds)),
          headerLine('Allow', servedMethods.join(', ')),
        ];
      },
      hops,
      digest: this.#digest,
    });
    if (answer.response !== undefined && answer.response.status < 300)
      this.#registered = { hop: answer.hop, contact };
    return { ...answer, contact };
  }

  /** Takes back the entry under our former address, where nobody would be found. */
  #former(contact: string): string[] {
    const former = this.#registered?.contact;
    return former === undefined || former === contact ? [] : [headerLine('Contact', `${former};expires=0`)];
  }

  async #contact(hop: Hop, afresh: boolean): Promise<string> {
    if (afresh) this.#wire.sockets.localAddresses.forget(hop.address);
    return this.#wire.contactTowards(escapeUser(this.#account.user), hop);
  }
}
