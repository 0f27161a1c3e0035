import { setTimeout as delay } from 'node:timers/promises';
import type { MediaConfig } from '../config/config.ts';
import { fail, failure, ok, type Result } from '../errors.ts';
import type { Log } from '../log.ts';
import type { MediaCall, MediaEngine } from './media-engine.ts';
import { PoolCall } from './pool-call.ts';
import { PortAllocator } from './ports.ts';
import type { WorkerLoad } from './protocol.ts';
import { WorkerThread } from './worker-thread.ts';

export interface MediaPoolOptions {
  readonly config: MediaConfig;
  readonly log: Log;
  /** What each worker tells of itself once a second. */
  readonly onLoad?: (load: WorkerLoad) => void;
}

/** One place in the pool: the thread is replaced when it dies, the place stays. */
interface Place {
  thread: WorkerThread;
  readonly calls: Map<number, PoolCall>;
}

/** A worker that dies while it starts is started again after this. */
const restartDelayMs = 1000;
/** A worker that hangs is ended after this when the pool stops. */
const patienceMs = 2000;

/**
 * The media workers. The unit of placement is the room: calls of one room go to one worker, which can then share their work;
 * a new room goes to the worker with the fewest calls.
 */
export class MediaPool implements MediaEngine {
  readonly #config: MediaConfig;
  readonly #log: Log;
  readonly #ports: PortAllocator;
  readonly #places: Place[] = [];
  readonly #rooms = new Map<string, { readonly place: Place; calls: number }>();
  readonly #stopping = new AbortController();
  readonly #onLoad: (load: WorkerLoad) => void;
  #calls = 0;

  constructor(options: MediaPoolOptions) {
    this.#config = options.config;
    this.#log = options.log;
    this.#onLoad = options.onLoad ?? (() => {});
    this.#ports = new PortAllocator(options.config);
  }

  /** Calls and ports that are in use now. */
  get usage(): { readonly calls: number; readonly ports: number } {
    const calls = this.#places.reduce((sum, place) => sum + place.calls.size, 0);
    return { calls, ports: this.#ports.inUse };
  }

  /** Rejects when a worker cannot be started at all. */
  async start(): Promise<void> {
    for (let index = 0; index < Math.max(1, this.#config.workers); index += 1) {
      const calls = new Map<number, PoolCall>();
      const place: Place = { calls, thread: this.#spawn(() => place) };
      this.#places.push(place);
    }
    const ready = await Promise.all(this.#places.map(({ thread }) => thread.ready));
    if (!ready.every(Boolean)) {
      await this.stop();
      throw new Error('a media worker did not start; see the log');
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    const calls = this.#places.flatMap((place) => [...place.calls.values()]);
    const closed = Promise.all(calls.map((call) => call.close()));
    await Promise.race([closed, delay(patienceMs, undefined, { ref: false })]);
    await Promise.all(this.#places.map(({ thread }) => thread.stop()));
    this.#places.length = 0;
  }

  async open(callId: string, room: string): Promise<Result<MediaCall>> {
    const place = this.#rooms.get(room)?.place ?? this.#leastBusy();
    if (place === undefined || this.#stopping.signal.aborted) return fail('over-capacity', 'no media worker');
    this.#calls += 1;
    const number = this.#calls;
    const { thread } = place;
    const call = new PoolCall({
      number,
      thread,
      ports: this.#ports,
      onListenerError: (error) =>
        this.#log.error({ err: error, callId, room }, 'a listener of a media call threw'),
      onOver: () => {
        place.calls.delete(number);
        this.#leave(room);
      },
    });
    place.calls.set(number, call);
    this.#enter(room, place);
    const opened = await thread.request(number, 'open', { callId, room });
    if (opened.ok) return ok(call);
    call.breakDown(opened.error);
    return opened;
  }

  #leastBusy(): Place | undefined {
    const alive = this.#places.filter(({ thread }) => thread.isAlive);
    return alive.sort((one, other) => one.calls.size - other.calls.size)[0];
  }

  #enter(room: string, place: Place): void {
    const entry = this.#rooms.get(room);
    if (entry === undefined) this.#rooms.set(room, { place, calls: 1 });
    else entry.calls += 1;
  }

  #leave(room: string): void {
    const entry = this.#rooms.get(room);
    if (entry === undefined) return;
    entry.calls -= 1;
    if (entry.calls === 0) this.#rooms.delete(room);
  }

  #spawn(place: () => Place): WorkerThread {
    const startedAt = Date.now();
    const { address, publicAddress, stunServer } = this.#config;
    return new WorkerThread({
      settings: { address, publicAddress, stunServer },
      log: this.#log,
      onLoad: (load) => this.#onLoad(load),
      onEvent: (call, event) => place().calls.get(call)?.handle(event),
      onDied: (why) => void this.#replace(place(), why, Date.now() - startedAt),
    });
  }

  /** Only the calls of the dead worker end; new ones find a fresh worker in its place. */
  async #replace(place: Place, why: string, ageMs: number): Promise<void> {
    this.#log.error({ why, calls: place.calls.size, ageMs }, 'media worker died');
    for (const call of [...place.calls.values()]) call.breakDown(failure('worker-lost'));
    if (ageMs < restartDelayMs) {
      await delay(restartDelayMs, undefined, { signal: this.#stopping.signal, ref: false }).catch(
        () => undefined,
      );
    }
    if (!this.#stopping.signal.aborted) place.thread = this.#spawn(() => place);
  }
}
