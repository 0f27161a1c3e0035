import { once } from 'node:events';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';

/** A SIP peer on one TLS connection that it opened, which sends what the test says and keeps what comes. */
export class TlsPeer {
  readonly socket: TLSSocket;
  #text = '';
  readonly #waiters = new Set<() => void>();

  private constructor(socket: TLSSocket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString('latin1');
      for (const wake of this.#waiters) wake();
    });
  }

  static async connect(port: number, options: ConnectionOptions = {}): Promise<TlsPeer> {
    const socket = connect({ host: '127.0.0.1', port, ...options });
    await once(socket, 'secureConnect');
    return new TlsPeer(socket);
  }

  send(text: string): void {
    this.socket.write(text);
  }

  /** The first message that matches, without those before it. Rejects after 10 s. */
  async next(pattern: RegExp): Promise<string> {
    const end = Date.now() + 10_000;
    for (;;) {
      const message = this.#take(pattern);
      if (message !== undefined) return message;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiters.add(resolve);
      const timer = setTimeout(resolve, Math.max(0, end - Date.now()));
      await promise;
      clearTimeout(timer);
      this.#waiters.delete(resolve);
      if (Date.now() >= end) throw new Error(`nothing like ${pattern}; had:\n${this.#text}`);
    }
  }

  close(): void {
    this.socket.destroy();
  }

  #take(pattern: RegExp): string | undefined {
    for (;;) {
      const head = this.#text.indexOf('\r\n\r\n');
      if (head < 0) return undefined;
      const length = Number(/\r\nContent-Length: (\d+)/i.exec(this.#text.slice(0, head))?.[1] ?? 0);
      if (this.#text.length < head + 4 + length) return undefined;
      const message = this.#text.slice(0, head + 4 + length);
      this.#text = this.#text.slice(message.length);
      if (pattern.test(message)) return message;
    }
  }
}
