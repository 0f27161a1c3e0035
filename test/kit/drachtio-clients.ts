import { connect, createServer, type Server, type Socket } from 'node:net';
import { type Frame, readFrames, writeFrame } from './drachtio-frames.ts';

/** A gateway that is attached to the stand-in. */
export interface Client {
  readonly socket: Socket;
  readonly routes: string[];
  tags: readonly string[];
  authenticated: boolean;
}

export interface ClientsOptions {
  readonly secret: string;
  /** SIP addresses that clients are told. */
  readonly hostPorts: () => string;
  readonly onSip: (client: Client, frame: Frame) => void;
}

/** The client side of drachtio-server: secret, routes, and whose turn it is (client.cpp, client-controller.cpp). */
export class DrachtioClients {
  readonly clients = new Set<Client>();
  readonly #options: ClientsOptions;
  readonly #server: Server;
  #turn = 0;

  constructor(options: ClientsOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#join(socket));
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  async listen(port = 0): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen(port, '127.0.0.1', resolve);
    await promise;
  }

  /** Outbound connection: resolves when the gateway there has shown the secret. */
  async reach(address: { readonly host: string; readonly port: number }): Promise<Client> {
    const socket = connect(address.port, address.host);
    const { promise, resolve, reject } = Promise.withResolvers<Client>();
    socket.once('error', reject);
    socket.once('connect', () => {
      const client = this.#join(socket, () => resolve(client));
    });
    return promise;
  }

  /** Round robin among those that want the method. */
  choose(method: string, tag?: string): Client | undefined {
    const route = method.toLowerCase();
    const willing = [...this.clients].flatMap((client) =>
      tag === undefined || client.tags.includes(tag)
        ? client.routes.filter((name) => name === route).map(() => client)
        : [],
    );
    this.#turn += 1;
    return willing[this.#turn % willing.length];
  }

  /** Cuts all connections, as when the server dies. */
  drop(): void {
    for (const { socket } of this.clients) socket.destroy();
  }

  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.drop();
    await promise;
  }

  #join(socket: Socket, onAuthenticated = (): void => {}): Client {
    const client: Client = { socket, routes: [], tags: [], authenticated: false };
    this.clients.add(client);
    socket.on('error', () => {});
    socket.once('close', () => this.clients.delete(client));
    readFrames(socket, (frame) => this.#serve(client, frame, onAuthenticated));
    return client;
  }

  #serve(client: Client, frame: Frame, onAuthenticated: () => void): void {
    const [kind, argument = '', more = ''] = frame.words;
    const answer = (...words: string[]): void => writeFrame(client.socket, ['response', frame.id, ...words]);
    if (kind === 'authenticate') {
      if (argument !== this.#options.secret) {
        answer('NO', 'incorrect secret');
        client.socket.end();
        return;
      }
      client.authenticated = true;
      client.tags = more.split(',').filter(Boolean);
      answer('OK', this.#options.hostPorts(), 'v0.9.10', this.#options.hostPorts());
      onAuthenticated();
    } else if (!client.authenticated) client.socket.destroy();
    else if (kind === 'ping') answer('OK', 'pong');
    else if (kind === 'route') {
      client.routes.push(argument);
      answer('OK');
    } else if (kind === 'remove_route') {
      // All of them, whatever the argument says: client-controller.cpp, no_longer_wants_requests.
      client.routes.length = 0;
      answer('OK');
    } else this.#options.onSip(client, frame);
  }
}
