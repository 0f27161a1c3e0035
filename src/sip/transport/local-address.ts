import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';

const keptMs = 60_000;
const peersKept = 1_000;

/** Which of our addresses the operating system uses towards a peer: asked with a connected UDP socket that sends nothing. */
export class LocalAddresses {
  /** Set when we listen on one address only: it is the answer for every peer. */
  readonly #only: string | undefined;
  readonly #known = new Map<string, { address: string; at: number }>();

  constructor(listenAddress: string) {
    this.#only = listenAddress === '0.0.0.0' || listenAddress === '::' ? undefined : listenAddress;
  }

  /** The answer if it is known without asking. */
  known(peer: string): string | undefined {
    if (this.#only !== undefined) return this.#only;
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

function ask(peer: string): Promise<string> {
  const socket = createSocket(isIPv6(peer) ? 'udp6' : 'udp4');
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  socket.once('error', reject);
  socket.once('connect', () => resolve(socket.address().address));
  socket.connect(9, peer);
  return promise.finally(() => socket.close());
}
