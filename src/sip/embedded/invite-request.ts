import type { SipAccount } from '../../config/config.ts';
import { type DigestClient, withCredentials } from '../digest.ts';
import type { InviteOptions } from '../engine.ts';
import { headerLine, toWire } from '../header-line.ts';
import type { Headers, SipResponse } from '../message.ts';
import { parseNameAddr } from '../name-addr.ts';
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

export type InviteDelegate = NonNullable<OutgoingInviteRequest['delegate']>;

const redirectsFollowed = 1;

/** The INVITE of one call through all its versions: as dialled, with credentials, redirected (RFC 3261 §8.1.3). */
export class InviteRequest {
  readonly callId = randomToken();
  readonly digest: DigestClient | undefined;
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
  #redirects = 0;
  readonly #sessionSeconds: number;
  #minimum = leastSeconds;

  constructor(target: string, options: InviteOptions, sessionSeconds: number, wire: Wire) {
    this.#wire = wire;
    this.#sessionSeconds = sessionSeconds;
    this.#options = options;
    this.#target = parseUri(target);
    this.digest = digestOf(options.account);
    this.digest?.begin();
  }

  /** True when target and account make SIP URIs. */
  get valid(): boolean {
    return this.#target?.scheme === 'sip' && addressOfRecord(this.#options.account) !== undefined;
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

  /** Turns to the next server after the present one failed. Rejects when there is no way to it. */
  async failOver(retryAfterSeconds = 0): Promise<void> {
    if (this.#hop !== undefined) this.#wire.health.failed(this.#hop, retryAfterSeconds);
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
    const from = addressOfRecord(account);
    if (this.#target === undefined || from === undefined) throw new TypeError('not a SIP URI');
    this.#cseq += 1;
    const target = new ExactUri(this.#target);
    const options = {
      callId: this.callId,
      fromTag: this.#fromTag,
      fromDisplayName: displayNameOf(account),
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

  /** The target of a 3xx that is to be followed; undefined when it names none or one was followed already. */
  redirection(headers: Headers): SipUri | undefined {
    if (this.#redirects >= redirectsFollowed) return undefined;
    const targets = headers.list('contact').map((contact) => parseNameAddr(contact)?.uri);
    return targets.find((uri) => uri?.scheme === 'sip');
  }

  /** A target at the account's own server goes by that server; any other one goes where it says (RFC 3261 §8.1.3.4). */
  async redirectTo(target: SipUri): Promise<void> {
    this.#redirects += 1;
    this.#target = withoutHeaders(target);
    this.#authorization = [];
    this.digest?.begin();
    if (!isOwn(target, this.#options.account)) await this.#goBy(await this.#wire.resolveAll(target));
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

  #lines(): string[] {
    return [
      headerLine('Contact', this.#contact),
      ...abilityLines(),
      ...(this.#sessionSeconds === 0 ? [] : askLines(this.#sessionSeconds, this.#minimum, undefined)),
      headerLine('Accept', 'application/sdp'),
      ...this.#options.headers.map(({ name, value }) => headerLine(name, toWire(value))),
      ...this.#authorization,
    ];
  }
}

/** Another port of the PBX's own host is another user agent. */
function isOwn(target: SipUri, { domain, server, port }: SipAccount): boolean {
  if (target.host === domain.toLowerCase()) return target.port === undefined || target.port === port;
  return target.host === server.toLowerCase() && (target.port ?? 5060) === (port ?? 5060);
}

/** A Contact of a redirect may carry headers for the new request; we take none from a peer. */
function withoutHeaders(uri: SipUri): SipUri {
  const question = uri.text.indexOf('?');
  return question < 0 ? uri : { ...uri, text: uri.text.slice(0, question) };
}
