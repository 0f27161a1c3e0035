import { isIP, isIPv6 } from 'node:net';
import type { Address, Via } from '../via.ts';

import type { Hop } from './packet.ts';

const hopsKept = 1_000;

/**
 * How peers see us through a NAT: `received` and `rport` in the Via of their responses (RFC 3581), as far as they differ from
 * what we wrote. It is taken only from answers to our own requests, whose branch nobody else knows.
 */
export class SeenAddresses {
  readonly #seen = new Map<string, Address>();

  learn(hop: Hop, via: Via): void {
    const [stated, statedPort] = [via.parameters.get('received'), via.parameters.get('rport')];
    // A peer that writes neither says nothing about it.
    if (stated === undefined && statedPort === undefined) return;
    const received = stated ?? via.host;
    const port = Number(statedPort ?? via.port ?? 0);
    const key = keyOf(hop);
    if (isIP(received) === 0 || isIPv6(received) !== isIPv6(hop.address) || !isPort(port)) return;
    if (received === via.host && port === via.port) {
      this.#seen.delete(key);
      return;
    }
    if (this.#seen.size >= hopsKept) this.#seen.clear();
    this.#seen.set(key, { address: received, port });
  }

  towards(hop: Pick<Hop, 'transport' | 'address'>): Address | undefined {
    return this.#seen.get(keyOf(hop));
  }
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port <= 65_535;
}

function keyOf({ transport, address }: Pick<Hop, 'transport' | 'address'>): string {
  return `${transport} ${address}`;
}
