import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';

const keptMs = 60_000;
const peersKept = 1_000;

/** Which of our addresses the operating system uses towards a peer: asked with a connected UDP socket that sends nothing. */
export class LocalAddresses {
  /** Set when we listen on one address only: it is the answer for every peer. */
  readonly #only = new Map<4 | 6, string>();
  readonly #known = new Map<string, { address: string; at: number }>();

  constructor(listenAddresses: readonly string[]) {
    for (const address of listenAddresses) {
      if (address !== '0.0.0.0' && address !== '::') this.#only.set(familyOf(address), address);
    }
  }

  /** The answer if it is known without asking. */
  known(peer: string): string | undefined {
    const only = this.#only.get(familyOf(peer));
    if (only !== undefined) return only;
    const known = this.#known.get(peer);
    return known !== undefined && Date.now() - known.at < keptMs ? known.address : undefined;
  }

  /** Asks again next time. */
  forget(peer: string): void {
    this.#known.delete(peer);
  }

  /** Rejects when there is no route to the peer. */
  async towards(peer: string): Promise<string> {
    const known = this.known(peer);
    if (known !== undefined) return known;
    const address = await ask(peer);
    if (this.#known.size >= peersKept) this.#known.clear();
    this.#known.set(peer, { address, at: Date.now() });
    return address;
  }
}

function familyOf(address: string): 4 | 6 {
  return address.includes(':') ? 6 : 4;
}

function ask(peer: string): Promise<string> {
  const socket = createSocket(isIPv6(peer) ? 'udp6' : 'udp4');
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  socket.once('error', reject);
  socket.once('connect', () => resolve(socket.address().address));
  socket.connect(9, peer);
  return promise.finally(() => socket.close());
}
