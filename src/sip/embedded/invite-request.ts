import { type DigestClient, withCredentials } from '../digest.ts';
import type { InviteOptions } from '../engine.ts';
import { headerLine, toWire } from '../header-line.ts';
import type { Headers, SipResponse } from '../message.ts';
import { anonymousParty, privacyLines } from '../own-identity.ts';
import { Redirections } from '../redirections.ts';
import { takeoverLines } from '../refer-replaces.ts';
import { askLines, leastSeconds, minimumOf } from '../session-timer.ts';
import { parseUri, type SipUri } from '../sip-uri.ts';
import type { Hop } from '../transport/packet.ts';
import { addressOfRecord, digestOf, displayNameOf, escapeUser, hopsOf } from './account.ts';
import type { EmbeddedCore } from './core.ts';
import { sdpBody } from './dialog-leg.ts';
import { ExactUri } from './incoming-message.ts';
import { randomToken } from './outgoing-message.ts';
import { abilityLines, C, type OutgoingInviteRequest } from './sip-js.ts';
import type { Wire } from './wire.ts';

const anonymous = new ExactUri(parseUri(anonymousParty.uri) as SipUri);

export type InviteDelegate = NonNullable<OutgoingInviteRequest['delegate']>;

/** The INVITE of one call through all its versions: as dialled, with credentials, redirected (RFC 3261 §8.1.3). */
export class InviteRequest {
  readonly callId = randomToken();
  readonly #digest: DigestClient | undefined;
  readonly #redirections: Redirections;
  readonly #wire: Wire;
  readonly #options: InviteOptions;
  readonly #fromTag = randomToken();
  #target: SipUri | undefined;
  #hop: Hop | undefined;
  /** Where the INVITE goes when the present hop fails. */
  #others: readonly Hop[] = [];
  #localAddress = '';
  #contact = '';
  #cseq = 0;
  #authorization: readonly string[] = [];
  /** The target is not the account's: its server shall learn nothing about our password. */
  #abroad = false;
  readonly #sessionSeconds: number;
  #minimum = leastSeconds;

  constructor(target: string, options: InviteOptions, sessionSeconds: number, wire: Wire) {
    this.#wire = wire;
    this.#sessionSeconds = sessionSeconds;
    this.#options = options;
    this.#target = parseUri(target);
    this.#redirections = new Redirections(this.#target, options.account, options.mayFollow);
    this.#digest = digestOf(options.account);
    this.#digest?.begin();
  }

  /** True when target and account make SIP URIs. */
  get valid(): boolean {
    return this.#target?.scheme === 'sip' && addressOfRecord(this.#options.account) !== undefined;
  }

  /** What answers a challenge of the one who is called now. */
  get digest(): DigestClient | undefined {
    return this.#abroad ? undefined : this.#digest;
  }

  get hop(): Hop | undefined {
    return this.#hop;
  }

  get localAddress(): string {
    return this.#localAddress;
  }

  /** Our Contact value. */
  get contact(): string {
    return this.#contact;
  }

  /** True when another server may be tried (RFC 3263 §4.3). */
  get hasAlternative(): boolean {
    return this.#others.length > 0;
  }

  /** Finds the account's servers. Rejects when none can be resolved. */
  async prepare(): Promise<void> {
    await this.#goBy(await hopsOf(this.#options.account, this.#wire));
  }

  /** The present hop did not answer, or with 503. */
  failed(retryAfterSeconds = 0): void {
    if (this.#hop !== undefined) this.#wire.health.failed(this.#hop, retryAfterSeconds);
  }

  /** Turns to the next server after the present one failed. Rejects when there is no way to it. */
  async failOver(): Promise<void> {
    const [next, ...others] = this.#others;
    if (next === undefined) throw new Error('no other server');
    this.#authorization = [];
    this.digest?.begin();
    await this.#goBy([next, ...others]);
  }

  /** The present hop answered. */
  heard(): void {
    if (this.#hop !== undefined) this.#wire.health.answered(this.#hop);
  }

  /** Sends the present version. Throws when it cannot be written. */
  send(core: EmbeddedCore, delegate: InviteDelegate): OutgoingInviteRequest {
    const { account, sdp } = this.#options;
    const from = account.anonymous === true ? anonymous : addressOfRecord(account);
    if (this.#target === undefined || from === undefined) throw new TypeError('not a SIP URI');
    this.#cseq += 1;
    const target = new ExactUri(this.#target);
    const options = {
      callId: this.callId,
      fromTag: this.#fromTag,
      fromDisplayName: account.anonymous === true ? anonymousParty.displayName : displayNameOf(account),
      cseq: this.#cseq,
    };
    const body = sdpBody(sdp);
    const message = core.makeOutgoingRequestMessage(
      C.INVITE,
      target,
      from,
      target,
      options,
      this.#lines(),
      body,
    );
    return core.asClient(this.#hop, () => core.invite(message, delegate));
  }

  /** Takes credentials for a 401 or 407 into the next version; false when there are none or they were refused. */
  authorize({ status, headers }: SipResponse): boolean {
    if (status !== 401 && status !== 407) return false;
    const about = { method: C.INVITE, uri: this.#target?.text ?? '', body: this.#options.sdp };
    const more = this.digest?.answer(status, headers, about);
    if (more === undefined) return false;
    this.#authorization = withCredentials(this.#authorization, more);
    return true;
  }

  /** Takes the longer session interval of a 422 (RFC 4028 §7.3) into the next version; false when it asks for none. */
  extendSession({ status, headers }: SipResponse): boolean {
    const minimum = status === 422 ? minimumOf(headers) : undefined;
    if (minimum === undefined || minimum <= this.#minimum) return false;
    this.#minimum = minimum;
    return true;
  }

  /** Takes the contacts of a 3xx for `redirect`. */
  redirected(headers: Headers): void {
    this.#redirections.add(headers);
  }

  /**
   * Turns to the next target that redirects led to; false when there is none. One at the account's own server goes by that server,
   * any other one goes where it says (RFC 3261 §8.1.3.4). Rejects when there is no way to it.
   */
  redirect(): false | Promise<void> {
    const target = this.#redirections.next();
    if (target === undefined) return false;
    const wasAbroad = this.#abroad;
    this.#target = target;
    this.#abroad = !this.#redirections.isOwn(target);
    this.#authorization = [];
    this.digest?.begin();
    if (this.#abroad) return this.#wire.resolveAll(target).then((hops) => this.#goBy(hops));
    return wasAbroad ? this.prepare() : Promise.resolve();
  }

  /** Takes the first hop that there is a way to. */
  async #goBy(hops: readonly [Hop, ...Hop[]]): Promise<void> {
    const user = escapeUser(this.#options.account.user);
    const [hop, next, ...others] = hops;
    try {
      this.#localAddress = await this.#wire.sockets.localAddresses.towards(hop.address);
      this.#contact = await this.#wire.contactTowards(user, hop);
    } catch (error) {
      this.#wire.health.failed(hop);
      if (next === undefined) throw error;
      return this.#goBy([next, ...others]);
    }
    this.#hop = hop;
    this.#others = next === undefined ? [] : [next, ...others];
  }

  /** Nobody but the account's server learns who calls anonymously. */
  #privacyLines(): string[] {
    const { account } = this.#options;
    const self = addressOfRecord(account);
    return this.#abroad || self === undefined ? [] : privacyLines(account, self.text);
  }

  #lines(): string[] {
    return [
      headerLine('Contact', this.#contact),
      ...abilityLines(),
      ...(this.#sessionSeconds === 0 ? [] : askLines(this.#sessionSeconds, this.#minimum, undefined)),
      headerLine('Accept', 'application/sdp'),
      ...takeoverLines(this.#options),
      ...this.#privacyLines(),
      ...this.#options.headers.map(({ name, value }) => headerLine(name, toWire(value))),
      ...this.#authorization,
    ];
  }
}
