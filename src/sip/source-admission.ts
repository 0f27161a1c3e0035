import { BlockList, isIP, isIPv6 } from 'node:net';
import type { SipAdmission } from '../config/config.ts';
import { type RateLimit, SourceLimiter } from './token-bucket.ts';

/** `rate`: over its share; `source`: not on the list; `agent`: the user agent of a scanner. */
export type Verdict = 'admitted' | 'rate' | 'source' | 'agent';

/** Addresses whose verdict is remembered; forged ones must not fill the memory. */
const addressesKept = 10_000;
/** Bytes at the start of a message in which its User-Agent is looked for. */
const agentBytes = 4_096;

/**
 * Who may speak to us, decided before anything is parsed. A known source (on the list, or trusted: the server of an account) has a
 * large share; a stranger has a small one for messages and a smaller one for calls, or, when there is a list, none. Responses
 * pass the list: they count only when they belong to a request of ours.
 */
export class SourceAdmission {
  readonly refusal: SipAdmission['refusal'];
  readonly #listed: BlockList;
  /** Only known sources may send requests. */
  readonly #closed: boolean;
  readonly #trusted = new Set<string>();
  readonly #remembered = new Map<string, boolean>();
  readonly #scanner: RegExp | undefined;
  readonly #known: SourceLimiter;
  readonly #strangers: SourceLimiter;
  readonly #calls: SourceLimiter;

  constructor(policy: SipAdmission, known: RateLimit = share(policy.messagesPerSecond, 2)) {
    this.refusal = policy.refusal;
    this.#listed = toBlockList(policy.allowedSources);
    this.#closed = !(policy.open ?? policy.allowedSources.length === 0);
    this.#scanner = scannerPattern(policy.blockedAgents);
    this.#known = new SourceLimiter(known);
    const stranger = share(policy.strangerMessagesPerSecond, 2);
    this.#strangers = new SourceLimiter(stranger.burst < known.burst ? stranger : known);
    this.#calls = new SourceLimiter(share(policy.strangerCallsPerSecond, 4));
  }

  /** From now on `address` is known. Anything but an IP address is ignored. */
  trust(address: string): void {
    if (isIP(address) === 0 || this.#trusted.size >= addressesKept) return;
    this.#trusted.add(plainAddress(address));
    this.#remembered.clear();
  }

  /** `now` in milliseconds. */
  admit(bytes: Buffer, source: string, now: number): Verdict {
    const known = this.#isKnown(source);
    if (!(known ? this.#known : this.#strangers).admit(source, now)) return 'rate';
    if (isResponse(bytes)) return 'admitted';
    if (this.#closed && !known) return 'source';
    const scanned = this.#scanner?.test(bytes.toString('latin1', 0, agentBytes)) ?? false;
    return scanned ? 'agent' : 'admitted';
  }

  /** True when `source` may begin one more call now. */
  admitCall(source: string, now: number): boolean {
    return this.#isKnown(source) || this.#calls.admit(source, now);
  }

  #isKnown(source: string): boolean {
    const remembered = this.#remembered.get(source);
    if (remembered !== undefined) return remembered;
    const address = plainAddress(source);
    const listed = this.#listed.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
    const known = listed || this.#trusted.has(address);
    if (this.#remembered.size >= addressesKept) this.#remembered.clear();
    this.#remembered.set(source, known);
    return known;
  }
}

function share(perSecond: number, seconds: number): RateLimit {
  return { perSecond, burst: perSecond * seconds };
}

/** A dual-stack socket writes IPv4 as IPv6. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, '');
}

function isResponse(bytes: Buffer): boolean {
  return bytes.toString('latin1', 0, 8) === 'SIP/2.0 ';
}

/** `ranges`: addresses and CIDR ranges that the configuration has checked. */
export function toBlockList(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', prefix] = range.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return list;
}

function scannerPattern(agents: readonly string[]): RegExp | undefined {
  if (agents.length === 0) return undefined;
  const names = agents.map((agent) => agent.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|');
  return new RegExp(`\\r\\nUser-Agent[ \\t]*:[^\\r]*(?:${names})`, 'i');
}
