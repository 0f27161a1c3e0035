import { EventEmitter, once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Log } from '../../log.ts';
import { type DrachtioRequest, DrachtioSession } from './session.ts';

export interface DrachtioServerOptions {
  readonly address: { readonly host: string; readonly port: number };
  readonly secret: string;
  readonly tags: readonly string[];
  /** False: only what we send goes by this connection. */
  readonly takesCalls: boolean;
  readonly log: Log;
  readonly onRequest: (request: DrachtioRequest) => void;
  readonly onLost: (session: DrachtioSession) => void;
}

const connectMs = 5_000;
const firstRetryMs = 250;
const longestRetryMs = 10_000;

/** Our connection to one drachtio-server: made again for ever, with back-off and jitter. */
export class DrachtioServer extends EventEmitter<{ ready: []; refused: [why: string] }> {
  readonly #options: DrachtioServerOptions;
  readonly #stopping = new AbortController();
  #session: DrachtioSession | undefined;
  #draining = false;
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;
  #live: DrachtioSession | undefined;

  constructor(options: DrachtioServerOptions) {
    super();
    this.#options = options;
  }

  /** The connection, when the server has taken our secret. */
  get session(): DrachtioSession | undefined {
    return this.#session;
  }

  start(): void {
    void this.#connect();
  }

  drain(): void {
    this.#draining = true;
    if (this.#options.takesCalls) this.#session?.refuseInvites();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#retry);
    const session = this.#live;
    if (session === undefined) return;
    const closed = once(session, 'closed');
    session.close();
    await closed;
  }

  async #connect(): Promise<void> {
    const { address, secret, tags, log } = this.#options;
    let socket: Socket;
    try {
      socket = await connected(address, this.#stopping.signal);
    } catch (error) {
      this.#again(error);
      return;
    }
    if (this.#stopping.signal.aborted) {
      socket.destroy();
      return;
    }
    const session = new DrachtioSession({ socket, secret, tags, log });
    this.#live = session;
    session.on('request', (request) => this.#options.onRequest(request));
    session.on('ready', (hostPorts) => this.#ready(session, hostPorts));
    session.on('refused', (why) => {
      log.error({ why }, 'the drachtio-server refuses our secret');
      session.close();
      this.emit('refused', why);
    });
    session.once('closed', () => this.#closed(session));
  }

  #ready(session: DrachtioSession, hostPorts: string): void {
    if (!session.open || this.#stopping.signal.aborted) return;
    this.#failures = 0;
    this.#session = session;
    this.#options.log.info({ hostPorts }, 'attached to the drachtio-server');
    if (this.#options.takesCalls && !this.#draining) session.wantInvites();
    this.emit('ready');
  }

  #closed(session: DrachtioSession): void {
    const wasReady = this.#session === session;
    this.#session = undefined;
    this.#live = undefined;
    if (wasReady) this.#options.onLost(session);
    this.#again(wasReady ? 'connection lost' : 'connection closed by the server');
  }

  #again(why: unknown): void {
    if (this.#stopping.signal.aborted) return;
    const longest = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(10, this.#failures));
    const retryMs = Math.round(longest * (0.5 + 0.5 * Math.random()));
    this.#failures += 1;
    this.#options.log.warn({ why: String(why), retryMs }, 'not attached to the drachtio-server');
    this.#retry = setTimeout(() => void this.#connect(), retryMs);
  }
}

async function connected(
  { host, port }: DrachtioServerOptions['address'],
  signal: AbortSignal,
): Promise<Socket> {
  const socket = connect({ host, port });
  const timer = setTimeout(() => socket.destroy(new Error(`no connection in ${connectMs} ms`)), connectMs);
  const abandon = (): unknown => socket.destroy(new Error('stopped'));
  signal.addEventListener('abort', abandon, { once: true });
  try {
    await once(socket, 'connect');
    return socket;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abandon);
  }
}
