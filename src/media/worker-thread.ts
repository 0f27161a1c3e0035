import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { fail } from '../errors.ts';
import type { Log } from '../log.ts';
import type {
  Body,
  CallEvent,
  RequestMessage,
  Value,
  Verb,
  WorkerLoad,
  WorkerMessage,
  WorkerResult,
  WorkerSettings,
} from './protocol.ts';
import { OpenSockets } from './worker/open-sockets.ts';
import { closeFiles } from './worker/system-calls.ts';

export interface WorkerThreadOptions {
  readonly settings: WorkerSettings;
  readonly log: Log;
  /** Once a second; what comes late, or not at all, is a sign as well. */
  readonly onLoad: (load: WorkerLoad) => void;
  readonly onEvent: (call: number, event: CallEvent) => void;
  /** The thread is gone, without having been asked to. */
  readonly onDied: (why: string) => void;
}

/** Beside this module, in TypeScript as well as compiled. */
const entry = new URL(
  import.meta.url.endsWith('.ts') ? './worker/main.ts' : './worker/main.js',
  import.meta.url,
);

/**
 * For threads that are made from now on. A new call keeps most of what it makes, and V8 begins with room for a few: it would stop the thread
 * in a burst of calls, for 20 to 60 ms, and find next to nothing to collect.
 */
setFlagsFromString('--initial-old-space-size=128');

/** One media worker as the main thread sees it: requests with answers, and its death. */
export class WorkerThread {
  readonly #options: WorkerThreadOptions;
  readonly #worker: Worker;
  readonly #openSockets = new OpenSockets();
  readonly #pending = new Map<number, (result: WorkerResult<unknown>) => void>();
  readonly #ready = Promise.withResolvers<boolean>();
  #requests = 0;
  #isStopping = false;
  #filesClosed: Promise<void> | undefined;
  #isDead = false;
  #why = 'the thread exited';

  constructor(options: WorkerThreadOptions) {
    this.#options = options;
    const settings: WorkerSettings = { ...options.settings, openSockets: this.#openSockets.shared };
    this.#worker = new Worker(entry, { workerData: settings, name: 'media' });
    this.#worker.on('message', (message: WorkerMessage) => this.#receive(message));
    this.#worker.on('messageerror', (error) =>
      this.#options.log.error({ err: error }, 'unreadable worker message'),
    );
    this.#worker.on('error', (error) => {
      this.#why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    });
    this.#worker.on('exit', () => this.#exited());
  }

  /** True once the worker takes calls; false when it died before. */
  get ready(): Promise<boolean> {
    return this.#ready.promise;
  }

  get isAlive(): boolean {
    return !this.#isDead;
  }

  /** Never rejects; a dead worker answers `worker-lost`. */
  request<V extends Verb>(call: number, verb: V, body: Body<V>): Promise<WorkerResult<Value<V>>> {
    if (this.#isDead) return Promise.resolve(fail('worker-lost'));
    this.#requests += 1;
    const request = this.#requests;
    const { promise, resolve } = Promise.withResolvers<WorkerResult<unknown>>();
    this.#pending.set(request, resolve);
    const message: Readonly<Record<keyof RequestMessage, unknown>> = { request, call, verb, body };
    this.#worker.postMessage(message);
    return promise as Promise<WorkerResult<Value<V>>>;
  }

  /** Ends a thread that does not answer, as if it had died by itself. */
  kill(why: string): void {
    this.#why = why;
    void this.#worker.terminate();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#worker.terminate();
    await this.#filesClosed;
  }

  #receive(message: WorkerMessage): void {
    try {
      this.#dispatch(message);
    } catch (error) {
      this.#options.log.error({ err: error }, 'a listener of a media call threw');
    }
  }

  #dispatch(message: WorkerMessage): void {
    switch (message.kind) {
      case 'ready':
        this.#options.log.info({ event: 'media-worker-ready', ...message.libraries }, 'media worker ready');
        this.#ready.resolve(true);
        break;
      case 'reply':
        this.#pending.get(message.request)?.(message.result);
        this.#pending.delete(message.request);
        break;
      case 'event':
        this.#options.onEvent(message.call, message.event);
        break;
      case 'load':
        this.#options.onLoad(message.load);
        break;
      case 'log':
        this.#options.log[message.level](message.context, message.message);
        break;
    }
  }

  #exited(): void {
    this.#isDead = true;
    this.#filesClosed = closeFiles(this.#openSockets.takeAll());
    this.#ready.resolve(false);
    for (const resolve of this.#pending.values()) resolve(fail('worker-lost'));
    this.#pending.clear();
    if (!this.#isStopping) this.#options.onDied(this.#why);
  }
}
