import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP wire between the gateway and Prosody that can be cut, or go dead without a sign. */
export class Wire {
  #server: Server | undefined;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #dead = false;

  async lay(target: number): Promise<number> {
    const server = createServer((near) => this.#join(near, connect(target, '127.0.0.1')));
    this.#server = server;
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return address.port;
  }

  /** Both ends see the connection end; new ones can be made. */
  cut(): void {
    for (const [near, far] of this.#pairs) {
      near.destroy();
      far.destroy();
    }
  }

  /** Nothing passes any more on what is open now. */
  freeze(): void {
    this.#dead = true;
  }

  /** New connections work again. */
  thaw(): void {
    this.#dead = false;
  }

  async remove(): Promise<void> {
    this.cut();
    this.#server?.close();
    if (this.#server !== undefined) await once(this.#server, 'close');
  }

  #join(near: Socket, far: Socket): void {
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    for (const [from, to] of [pair, [far, near] as const]) {
      from.setNoDelay(true);
      from.on('data', (data) => {
        if (!this.#dead) to.write(data);
      });
      from.on('error', () => {});
      from.on('close', () => {
        to.destroy();
        this.#pairs.delete(pair);
      });
    }
  }
}
