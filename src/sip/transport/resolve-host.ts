import { promises as dns } from 'node:dns';
import { isIP } from 'node:net';
import { bareHost } from '../sip-uri.ts';

const keptMs = 30_000;
const namesKept = 1_000;

/** Host name → address, kept for 30 s. SRV and NAPTR (RFC 3263) belong here when several servers are to be tried. */
export class HostResolver {
  /** 0: both. */
  readonly #family: 4 | 6 | 0;
  readonly #known = new Map<string, { address: string; at: number }>();

  constructor(family: 4 | 6 | 0) {
    this.#family = family;
  }

  /** Rejects with the resolver's error when the name has no address of our family. */
  async resolve(host: string): Promise<string> {
    const bare = bareHost(host);
    if (isIP(bare) !== 0) return bare;
    const known = this.#known.get(bare);
    if (known !== undefined && Date.now() - known.at < keptMs) return known.address;
    const { address } = await dns.lookup(bare, { family: this.#family });
    if (this.#known.size >= namesKept) this.#known.clear();
    this.#known.set(bare, { address, at: Date.now() });
    return address;
  }
}
