import type { IceCandidate } from '../media-engine.ts';
import { type CandidatePair, CheckList, peerReflexivePriority } from './ice-check-list.ts';
import {
  bindingError,
  bindingRequest,
  bindingSuccess,
  parseStun,
  type StunContent,
  type StunMessage,
  serializeStun,
} from './stun.ts';
import { canonicalAddress, type TransportAddress } from './stun-address.ts';
import { newTransactionId, StunKey } from './stun-key.ts';

export interface IceCredentials {
  readonly ufrag: string;
  readonly pwd: string;
}

export interface IceAgentOptions {
  readonly local: IceCredentials;
  readonly remote: IceCredentials;
  /** Puts a datagram on the wire, from the session's port. */
  readonly transmit: (datagram: Buffer, to: TransportAddress) => void;
  /** False for an address that cannot be sent to: other family, multicast, … */
  readonly isReachable: (address: TransportAddress) => boolean;
  /** The first pair works, or the peer chose another one. Datagrams may be sent to `remote` from now on. */
  readonly onSelected: (remote: TransportAddress) => void;
  readonly onFailed: (why: 'ice-failed' | 'bridge-lost') => void;
  /** Counts what was refused. */
  readonly drop: (reason: string) => void;
}

interface Transaction {
  readonly pair: CandidatePair;
  readonly request: Buffer;
  /** Consent checks are not retransmitted (RFC 7675 §5.1). */
  readonly isConsent: boolean;
  nextAt: number;
  interval: number;
}

/** First retransmission of a check; it doubles up to the second figure (RFC 8489 §6.2.1 lets ICE choose). */
const firstRetransmissionMs = 100;
const longestRetransmissionMs = 1600;
/** No working pair by then: the bridge cannot be reached. */
const failureMs = 12_000;
/**
 * RFC 7675 §5.1 asks for 4 to 6 s between consent checks and 30 s of patience. A caller on a dead bridge would hear 30 s of
 * nothing, so we ask every second (libwebrtc does so up to twice a second) and give up after 4.5.
 */
const consentIntervalMs = 1000;
const consentLostMs = 4500;
/** A nominated pair that answered within this time is not left for one of lower priority. */
const aliveMs = 2500;
/** Consent checks are not retransmitted; after this nobody waits for the answer any more. */
const consentAnswerMs = 2000;
const maximumTransactions = 200;

/**
 * A full ICE agent in the controlled role for one component (RFC 8445). The owner feeds it datagrams and calls `tick` every
 * 20 ms, which is also the pacing of checks (Ta). It never changes role: its tie-breaker is 0, so that a peer that believes
 * itself controlled too is told to switch (487, RFC 8445 §7.3.1.1).
 */
export class IceAgent {
  readonly #options: IceAgentOptions;
  readonly #localKey: StunKey;
  readonly #remoteKey: StunKey;
  readonly #list = new CheckList();
  readonly #transactions = new Map<string, Transaction>();
  #now = 0;
  #startedAt = -1;
  #selected: CandidatePair | undefined;
  #consentAt = 0;
  #nextConsentAt = 0;
  #isOver = false;

  constructor(options: IceAgentOptions) {
    this.#options = options;
    this.#localKey = new StunKey(options.local.pwd);
    this.#remoteKey = new StunKey(options.remote.pwd);
  }

  get selected(): TransportAddress | undefined {
    return this.#selected?.remote;
  }

  /** Remote candidates of the offer or of a later transport-info. */
  addRemote(candidates: readonly IceCandidate[]): void {
    for (const { address, port, priority } of candidates) {
      const candidate = { address: canonicalAddress(address), port, priority };
      if (!this.#options.isReachable(candidate)) this.#options.drop('unreachable-candidate');
      else if (this.#list.add(candidate) === undefined) this.#options.drop('too-many-candidates');
    }
  }

  /** Someone who knows our password, or whose password we know, answers at this address. */
  isAuthenticated(from: TransportAddress): boolean {
    const selected = this.#selected?.remote;
    if (selected !== undefined && selected.port === from.port && selected.address === from.address)
      return true;
    return this.#list.find(from)?.state === 'succeeded';
  }

  close(): void {
    this.#isOver = true;
    this.#transactions.clear();
  }

  /** Time passes: `now` in milliseconds of a monotonic clock. */
  tick(now: number): void {
    if (this.#isOver) return;
    this.#now = now;
    if (this.#startedAt < 0) this.#startedAt = now;
    this.#retransmit();
    const pair = this.#list.next(this.#selected?.nominated === true);
    if (pair !== undefined) this.#check(pair, false);
    if (this.#selected !== undefined) this.#keepConsent(this.#selected);
    else if (now - this.#startedAt >= failureMs) this.#fail('ice-failed');
  }

  receive(datagram: Buffer, from: TransportAddress, now: number): void {
    if (this.#isOver) return;
    this.#now = now;
    const refused = this.#handle(datagram, from);
    if (refused !== undefined) this.#options.drop(refused);
  }

  #handle(datagram: Buffer, from: TransportAddress): string | undefined {
    const message = parseStun(datagram);
    if (message === undefined) return 'malformed-stun';
    switch (message.type) {
      case bindingRequest:
        return this.#receiveRequest(message, from);
      case bindingSuccess:
      case bindingError:
        return this.#receiveResponse(message, from);
      default:
        return 'stun-type';
    }
  }

  /** RFC 8445 §7.3. A request without proof of our password gets no answer at all. */
  #receiveRequest(request: StunMessage, from: TransportAddress): string | undefined {
    const { local, remote } = this.#options;
    const isKnown = request.hasFingerprint && request.username === `${local.ufrag}:${remote.ufrag}`;
    if (!isKnown || !request.isSignedWith(this.#localKey)) return 'stun-auth';
    if (request.unknownRequired.length > 0) {
      this.#answer(request, from, { errorCode: 420, unknownAttributes: request.unknownRequired });
      return 'stun-attribute';
    }
    if (request.role === 'controlled') {
      this.#answer(request, from, { errorCode: 487 });
      return 'stun-role';
    }
    const pair = this.#pairOf(request, from);
    if (pair === undefined) return 'too-many-candidates';
    this.#answer(request, from, { mappedAddress: from });
    if (request.useCandidate) pair.nominated = true;
    if (pair.state === 'succeeded') this.#consider(pair);
    else this.#list.trigger(pair);
    return undefined;
  }

  #pairOf(request: StunMessage, from: TransportAddress): CandidatePair | undefined {
    if (!this.#options.isReachable(from)) return undefined;
    return this.#list.add({ ...from, priority: request.priority ?? peerReflexivePriority });
  }

  #answer(request: StunMessage, to: TransportAddress, content: Partial<StunContent>): void {
    const type = content.errorCode === undefined ? bindingSuccess : bindingError;
    const { transactionId } = request;
    this.#options.transmit(serializeStun({ type, transactionId, ...content }, this.#localKey), to);
  }

  /** RFC 8445 §7.2.5. */
  #receiveResponse(response: StunMessage, from: TransportAddress): string | undefined {
    const pair = this.#transactions.get(response.transactionId)?.pair;
    if (pair === undefined) return 'stun-stray';
    if (!response.isSignedWith(this.#remoteKey)) return 'stun-auth';
    if (from.address !== pair.remote.address || from.port !== pair.remote.port) return 'stun-asymmetric';
    if (response.type === bindingError) return 'stun-error';
    this.#transactions.delete(response.transactionId);
    pair.state = 'succeeded';
    if (pair === this.#selected) this.#consentAt = this.#now;
    this.#consider(pair);
    return undefined;
  }

  /** A valid pair is used at once; among several the peer's nomination decides (RFC 8445 §8.1.1). */
  #consider(pair: CandidatePair): void {
    const current = this.#selected;
    if (pair === current || (current !== undefined && !this.#replaces(pair, current))) return;
    this.#selected = pair;
    this.#consentAt = this.#now;
    this.#nextConsentAt = this.#now + consentIntervalMs;
    this.#options.onSelected(pair.remote);
  }

  #replaces(pair: CandidatePair, current: CandidatePair): boolean {
    if (!pair.nominated) return false;
    return !current.nominated || pair.priority > current.priority || this.#now - this.#consentAt > aliveMs;
  }

  #keepConsent(pair: CandidatePair): void {
    if (this.#now - this.#consentAt >= consentLostMs) {
      this.#fail('bridge-lost');
    } else if (this.#now >= this.#nextConsentAt) {
      this.#nextConsentAt = this.#now + consentIntervalMs * (0.8 + 0.4 * Math.random());
      this.#check(pair, true);
    }
  }

  #check(pair: CandidatePair, isConsent: boolean): void {
    if (this.#transactions.size >= maximumTransactions) return;
    const { local, remote } = this.#options;
    const transactionId = newTransactionId();
    const request = serializeStun(
      {
        type: bindingRequest,
        transactionId,
        username: `${remote.ufrag}:${local.ufrag}`,
        priority: peerReflexivePriority,
        role: 'controlled',
        tieBreaker: 0n,
      },
      this.#remoteKey,
    );
    const interval = isConsent ? consentAnswerMs : firstRetransmissionMs;
    this.#transactions.set(transactionId, {
      pair,
      request,
      isConsent,
      interval,
      nextAt: this.#now + interval,
    });
    this.#options.transmit(request, pair.remote);
  }

  #retransmit(): void {
    for (const [id, transaction] of this.#transactions) {
      if (this.#now < transaction.nextAt) continue;
      if (transaction.isConsent || transaction.pair.state === 'succeeded') {
        this.#transactions.delete(id);
        continue;
      }
      transaction.interval = Math.min(transaction.interval * 2, longestRetransmissionMs);
      transaction.nextAt = this.#now + transaction.interval;
      this.#options.transmit(transaction.request, transaction.pair.remote);
    }
  }

  #fail(why: 'ice-failed' | 'bridge-lost'): void {
    this.close();
    this.#options.onFailed(why);
  }
}
