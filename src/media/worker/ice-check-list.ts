import { isIPv6 } from 'node:net';
import type { IceCandidate } from '../media-engine.ts';
import type { TransportAddress } from './stun-address.ts';

/**
 * RFC 8445 §6.1.2. All our candidates share one socket per family, so a pair is told by its remote address alone. The states
 * `frozen` and foundations play no role with a single component.
 */
export interface CandidatePair {
  readonly remote: TransportAddress;
  readonly priority: bigint;
  state: 'waiting' | 'in-progress' | 'succeeded' | 'failed';
  /** The controlling side asked for this pair (USE-CANDIDATE), perhaps before our own check had succeeded. */
  nominated: boolean;
}

/** Remote candidates and learned addresses that one session can have; more are not checked. */
const maximumPairs = 48;

/** Priority of our host candidates (RFC 8445 §5.1.2.1: type preference 126, component 1). */
export const hostPriority = candidatePriority(126, 65_535);
/** What our checks announce: the priority of a peer-reflexive candidate that the peer would learn from them. */
export const peerReflexivePriority = candidatePriority(110, 65_535);

export function candidatePriority(typePreference: number, localPreference: number): number {
  return typePreference * 2 ** 24 + localPreference * 2 ** 8 + 255;
}

/** The pairs of one ICE session in order of priority. Pure: knows no sockets and no time. */
export class CheckList {
  readonly #pairs = new Map<string, CandidatePair>();
  readonly #triggered: CandidatePair[] = [];

  find(remote: TransportAddress): CandidatePair | undefined {
    return this.#pairs.get(keyOf(remote));
  }

  /** Adds a pair for a signalled candidate or a learned address; `undefined` when the list is full. */
  add(candidate: Pick<IceCandidate, 'address' | 'port' | 'priority'>): CandidatePair | undefined {
    const known = this.find(candidate);
    if (known !== undefined || this.#pairs.size >= maximumPairs) return known;
    const pair: CandidatePair = {
      remote: { address: candidate.address, port: candidate.port },
      priority: pairPriority(candidate.priority, hostPriority),
      state: 'waiting',
      nominated: false,
    };
    this.#pairs.set(keyOf(candidate), pair);
    return pair;
  }

  /** A check from the peer makes us check the same pair at once (RFC 8445 §7.3.1.4). */
  trigger(pair: CandidatePair): void {
    if (pair.state === 'succeeded' || this.#triggered.includes(pair)) return;
    pair.state = 'waiting';
    this.#triggered.push(pair);
  }

  /** The pair to be checked next, which is then in progress (RFC 8445 §6.1.4.2). After a nomination only answers to the peer's checks. */
  next(onlyTriggered = false): CandidatePair | undefined {
    const pair = this.#triggered.shift() ?? (onlyTriggered ? undefined : this.#bestWaiting());
    if (pair !== undefined && pair.state !== 'succeeded') pair.state = 'in-progress';
    return pair;
  }

  #bestWaiting(): CandidatePair | undefined {
    let best: CandidatePair | undefined;
    for (const pair of this.#pairs.values()) {
      if (pair.state === 'waiting' && (best === undefined || pair.priority > best.priority)) best = pair;
    }
    return best;
  }
}

/** RFC 8445 §6.1.2.3; `controlling` is the bridge's candidate. */
function pairPriority(controlling: number, controlled: number): bigint {
  const low = BigInt(Math.min(controlling, controlled));
  const high = BigInt(Math.max(controlling, controlled));
  return (low << 32n) + 2n * high + (controlling > controlled ? 1n : 0n);
}

function keyOf(remote: TransportAddress): string {
  return isIPv6(remote.address) ? `[${remote.address}]:${remote.port}` : `${remote.address}:${remote.port}`;
}
