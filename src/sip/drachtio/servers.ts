import { EventEmitter, once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { DrachtioConfig } from '../../config/config.ts';
import { fail, ok, type Result } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { DrachtioServer } from './server.ts';
import { type DrachtioRequest, DrachtioSession } from './session.ts';

interface ServersEvents {
  /** A request from a peer through any of the servers. */
  request: [request: DrachtioRequest];
  /** A connection is gone, and with it the signalling of its calls. */
  lost: [session: DrachtioSession];
}

/** So long the start waits for a first server; then the gateway runs without and goes on trying. */
const firstServerMs = 5_000;

/** All drachtio-servers that we are attached to, in both directions. */
export class DrachtioServers extends EventEmitter<ServersEvents> {
  readonly #config: DrachtioConfig;
  readonly #log: Log;
  readonly #servers: readonly DrachtioServer[];
  /** Outbound mode: one connection for each call, made by a server. */
  readonly #arrived = new Set<DrachtioSession>();
  #listener: Server | undefined;
  #turn = 0;

  constructor(config: DrachtioConfig, log: Log) {
    super();
    this.#config = config;
    this.#log = log;
    const { secret, tags, mode } = config;
    this.#servers = config.servers.map(
      (address) =>
        new DrachtioServer({
          address,
          secret,
          tags,
          takesCalls: mode === 'inbound',
          log: log.child({ drachtio: `${address.host}:${address.port}` }),
          onRequest: (request) => this.emit('request', request),
          onLost: (session) => this.emit('lost', session),
        }),
    );
  }

  /** Port that servers connect to in outbound mode; 0 without listener. */
  get port(): number {
    const address = this.#listener?.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Connects; in outbound mode listens too. Fails when the listener cannot be bound, or when every server refuses our secret. */
  async start(): Promise<Result<void>> {
    if (this.#config.mode === 'outbound') {
      const listening = await this.#listen();
      if (!listening.ok) return listening;
    }
    for (const server of this.#servers) server.start();
    return this.#config.mode === 'inbound' ? this.#firstReady() : ok(undefined);
  }

  /** Servers that have taken our secret. */
  get attached(): number {
    return this.#servers.filter((server) => server.session !== undefined).length;
  }

  /** The first server in the order of the configuration that is connected: for the registration. */
  first(): DrachtioSession | undefined {
    return this.#servers.find((server) => server.session !== undefined)?.session;
  }

  /** The connected servers in turn: for calls that we place. */
  next(): DrachtioSession | undefined {
    const ready = this.#servers.flatMap((server) => (server.session === undefined ? [] : [server.session]));
    this.#turn += 1;
    return ready[this.#turn % ready.length];
  }

  /** No new calls, on the connections of today and on those to come. */
  drain(): void {
    for (const server of this.#servers) server.drain();
  }

  async stop(): Promise<void> {
    const listener = this.#listener;
    this.#listener = undefined;
    for (const session of this.#arrived) session.close();
    const closed = listener === undefined ? undefined : once(listener, 'close');
    listener?.close();
    await Promise.all([...this.#servers.map((server) => server.stop()), closed]);
  }

  async #firstReady(): Promise<Result<void>> {
    const { promise, resolve } = Promise.withResolvers<Result<void>>();
    const timer = setTimeout(() => resolve(ok(undefined)), firstServerMs);
    const refused = new Set<DrachtioServer>();
    for (const server of this.#servers) {
      server.once('ready', () => resolve(ok(undefined)));
      server.once('refused', (why) => {
        refused.add(server);
        if (refused.size === this.#servers.length) resolve(fail('internal', `drachtio-server: ${why}`));
      });
    }
    const result = await promise;
    clearTimeout(timer);
    return result;
  }

  async #listen(): Promise<Result<void>> {
    const { address, port } = this.#config.listen;
    const listener = createServer((socket) => this.#accept(socket));
    const { promise, resolve } = Promise.withResolvers<Result<void>>();
    listener.once('error', (error) => resolve(fail('internal', `drachtio ${address}:${port}: ${error}`)));
    listener.listen(port, address, () => resolve(ok(undefined)));
    const listening = await promise;
    if (!listening.ok) return listening;
    listener.on('error', (error) => this.#log.warn({ err: error }, 'listener for drachtio-servers'));
    this.#listener = listener;
    return listening;
  }

  #accept(socket: Socket): void {
    const { secret, tags } = this.#config;
    const session = new DrachtioSession({ socket, secret, tags, log: this.#log });
    this.#arrived.add(session);
    session.on('request', (request) => this.emit('request', request));
    session.on('refused', (why) => {
      this.#log.error({ why }, 'a drachtio-server refuses our secret');
      session.close();
    });
    session.on('closed', () => {
      this.#arrived.delete(session);
      this.emit('lost', session);
    });
  }

  /** A connection that a server made for one call ends with it. */
  callEnded(session: DrachtioSession): void {
    if (this.#arrived.has(session)) session.close();
  }
}
