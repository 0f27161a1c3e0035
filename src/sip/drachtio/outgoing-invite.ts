import { randomBytes } from 'node:crypto';
import type { SipAccount } from '../../config/config.ts';
import { digestOf, escapeUser } from '../credentials.ts';
import { type DigestClient, withCredentials } from '../digest.ts';
import type { InviteOptions } from '../engine.ts';
import { headerLine, quoted, toWire } from '../header-line.ts';
import type { Headers, SipResponse } from '../message.ts';
import { anonymousParty, privacyLines } from '../own-identity.ts';
import { Redirections } from '../redirections.ts';
import { takeoverLines } from '../refer-replaces.ts';
import { dialogMethods } from '../served-methods.ts';
import { hostInUri, parseUri, type SipUri } from '../sip-uri.ts';
import type { HopHealth } from '../transport/hop-health.ts';
import type { DrachtioOutgoing } from './session.ts';

/** 72 random bits (RFC 3261 §19.3 asks for 32). */
export function randomToken(): string {
  return randomBytes(9).toString('hex');
}

/** `sip:user@domain` of the account; undefined when the two do not make a URI. */
export function addressOfRecord(account: SipAccount): string | undefined {
  const user = account.user === '' ? '' : `${escapeUser(account.user)}@`;
  return parseUri(`sip:${user}${account.domain}`)?.text;
}

/** From of the account, with a tag of ours so that it stays the same from try to try. */
export function fromLine(account: SipAccount, address: string, tag: string): string {
  const name = account.displayName === undefined ? '' : `${quoted(account.displayName)} `;
  return headerLine('From', `${name}<${address}>;tag=${tag}`);
}

/** The drachtio-server writes its own address for `@localhost`, so there must be a user part. */
export function contactLine({ user, transport }: SipAccount): string {
  const parameter = transport === 'udp' ? '' : `;transport=${transport}`;
  return headerLine('Contact', `<sip:${escapeUser(user || 'jigasi')}@localhost${parameter}>`);
}

/** Which next hops, as `serversOf` writes them, failed lately. */
export type ServerHealth = HopHealth<string>;

/** Next hop of all that the account sends, and its backups, as SIP URIs. */
export function serversOf({ server, port, backupServers = [], transport }: SipAccount): string[] {
  const uri = (host: string, at: number | undefined): string =>
    `sip:${hostInUri(host)}${at === undefined ? '' : `:${at}`};transport=${transport}`;
  return [uri(server, port), ...backupServers.map((backup) => uri(backup.host, backup.port))];
}

/** The same in the order in which they are to be tried. */
export function proxiesOf(account: SipAccount, health: ServerHealth): readonly [string, ...string[]] {
  const [first = '', ...others] = health.order(serversOf(account));
  return [first, ...others];
}

/** The INVITE of one call through all its versions: as dialled, with credentials, redirected (RFC 3261 §8.1.3). */
export class OutgoingInvite {
  readonly callId = randomToken();
  readonly #digest: DigestClient | undefined;
  readonly #redirections: Redirections;
  readonly #options: InviteOptions;
  readonly #fromTag = randomToken();
  readonly #health: ServerHealth;
  #target: SipUri | undefined;
  /** Next hops that were not tried yet; empty: the target itself says where. */
  #proxies: readonly string[];
  #cseq = 0;
  #authorization: readonly string[] = [];
  /** The target is not the account's: its server shall learn nothing about our password. */
  #abroad = false;

  constructor(target: string, options: InviteOptions, health: ServerHealth) {
    this.#options = options;
    this.#health = health;
    this.#target = parseUri(target);
    this.#redirections = new Redirections(this.#target, options.account, options.mayFollow);
    this.#digest = digestOf(options.account);
    this.#digest?.begin();
    this.#proxies = proxiesOf(options.account, health);
  }

  /** True when target and account make SIP URIs. */
  get valid(): boolean {
    return this.#target?.scheme === 'sip' && addressOfRecord(this.#options.account) !== undefined;
  }

  /** What answers a challenge of the one who is called now. */
  get digest(): DigestClient | undefined {
    return this.#abroad ? undefined : this.#digest;
  }

  /** The next version, with a CSeq of its own. */
  next(): DrachtioOutgoing {
    const { account, sdp, headers } = this.#options;
    const uri = this.#target?.text ?? '';
    this.#cseq += 1;
    const [proxy] = this.#proxies;
    return {
      method: 'INVITE',
      uri,
      ...(proxy !== undefined && { proxy }),
      lines: [
        this.#fromLine(),
        headerLine('To', `<${uri}>`),
        headerLine('Call-ID', this.callId),
        headerLine('CSeq', `${this.#cseq} INVITE`),
        contactLine(account),
        headerLine('Allow', dialogMethods.join(', ')),
        headerLine('Supported', 'replaces'),
        headerLine('Accept', 'application/sdp'),
        ...takeoverLines(this.#options),
        ...(this.#abroad ? [] : privacyLines(account, addressOfRecord(account) ?? '')),
        headerLine('Content-Type', 'application/sdp'),
        ...headers.map(({ name, value }) => headerLine(name, toWire(value))),
        ...this.#authorization,
      ],
      body: sdp,
    };
  }

  #fromLine(): string {
    const { account } = this.#options;
    if (account.anonymous !== true) return fromLine(account, addressOfRecord(account) ?? '', this.#fromTag);
    return fromLine(
      { ...account, displayName: anonymousParty.displayName },
      anonymousParty.uri,
      this.#fromTag,
    );
  }

  /** Takes credentials for a 401 or 407 into the next version; false when there are none or they were refused. */
  authorize({ status, headers }: SipResponse): boolean {
    if (status !== 401 && status !== 407) return false;
    const about = { method: 'INVITE', uri: this.#target?.text ?? '', body: this.#options.sdp };
    const more = this.digest?.answer(status, headers, about);
    if (more === undefined) return false;
    this.#authorization = withCredentials(this.#authorization, more);
    return true;
  }

  /** True when another server may be tried (RFC 3263 §4.3). */
  get hasAlternative(): boolean {
    return this.#proxies.length > 1;
  }

  /** The present server answered. */
  heard(): void {
    const [proxy] = this.#proxies;
    if (proxy !== undefined) this.#health.answered(proxy);
  }

  /** The present server did not answer, or with 503. */
  unheard(retryAfterSeconds: number): void {
    const [proxy] = this.#proxies;
    if (proxy !== undefined) this.#health.failed(proxy, retryAfterSeconds);
  }

  /** Goes on to the account's next server (RFC 3263 §4.3); false when there is none. */
  failOver(): boolean {
    if (this.#proxies.length < 2) return false;
    this.#proxies = this.#proxies.slice(1);
    this.#authorization = [];
    this.digest?.begin();
    return true;
  }

  /** Takes the contacts of a 3xx for `redirect`. */
  redirected(headers: Headers): void {
    this.#redirections.add(headers);
  }

  /** Takes the next target that redirects led to into the next version; false when there is none. */
  redirect(): boolean {
    const target = this.#redirections.next();
    if (target === undefined) return false;
    this.#target = target;
    this.#abroad = !this.#redirections.isOwn(target);
    this.#authorization = [];
    this.digest?.begin();
    this.#proxies = this.#abroad ? [] : proxiesOf(this.#options.account, this.#health);
    return true;
  }
}
