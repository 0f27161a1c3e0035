import { setTimeout as delay } from 'node:timers/promises';
import type { MediaConfig } from '../config/config.ts';
import { fail, failure, ok, type Result } from '../errors.ts';
import type { Log } from '../log.ts';
import type { MediaCall, MediaEngine } from './media-engine.ts';
import { PoolCall } from './pool-call.ts';
import { PortAllocator } from './ports.ts';
import type { WorkerLoad } from './protocol.ts';
import { type AdmissionLimits, defaultLimits, WorkerHealth } from './worker-health.ts';
import { WorkerThread } from './worker-thread.ts';

export interface MediaPoolOptions {
  readonly config: MediaConfig;
  readonly log: Log;
  /** What each worker tells of itself once a second. */
  readonly onLoad?: (load: WorkerLoad) => void;
  /** When calls are refused. */
  readonly limits?: AdmissionLimits;
}

/** One place in the pool: the thread is replaced when it dies, the place stays. */
interface Place {
  thread: WorkerThread;
  health: WorkerHealth;
  readonly calls: Map<number, PoolCall>;
}

/** A worker that dies while it starts is started again after this. */
const restartDelayMs = 1000;
/** A worker that hangs is ended after this when the pool stops. */
const patienceMs = 2000;
/** How often it is checked that the workers still speak. */
const watchMs = 1000;

/**
 * The media workers. The unit of placement is the room: calls of one room go to one worker, which can then share their work;
 * a new room goes to the least busy worker. A worker at its limit takes no more calls, so that those that run stay clean; one that dies or
 * hangs is replaced, and only its calls end.
 */
export class MediaPool implements MediaEngine {
  readonly #config: MediaConfig;
  readonly #log: Log;
  readonly #ports: PortAllocator;
  readonly #places: Place[] = [];
  readonly #rooms = new Map<string, { readonly place: Place; calls: number }>();
  readonly #stopping = new AbortController();
  readonly #onLoad: (load: WorkerLoad) => void;
  readonly #limits: AdmissionLimits;
  #watch: NodeJS.Timeout | undefined;
  #calls = 0;

  constructor(options: MediaPoolOptions) {
    this.#config = options.config;
    this.#log = options.log;
    this.#onLoad = options.onLoad ?? (() => {});
    this.#limits = options.limits ?? defaultLimits;
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
      const health = new WorkerHealth(this.#limits);
      const place: Place = { calls, health, thread: this.#spawn(() => place) };
      this.#places.push(place);
    }
    const ready = await Promise.all(this.#places.map(({ thread }) => thread.ready));
    if (!ready.every(Boolean)) {
      await this.stop();
      throw new Error('a media worker did not start; see the log');
    }
    this.#watch = setInterval(() => this.#endHanging(), watchMs).unref();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    clearInterval(this.#watch);
    const calls = this.#places.flatMap((place) => [...place.calls.values()]);
    const closed = Promise.all(calls.map((call) => call.close()));
    await Promise.race([closed, delay(patienceMs, undefined, { ref: false })]);
    await Promise.all(this.#places.map(({ thread }) => thread.stop()));
    this.#places.length = 0;
  }

  async open(callId: string, room: string): Promise<Result<MediaCall>> {
    const place = this.#placeFor(room);
    if (place === undefined || this.#stopping.signal.aborted) return fail('over-capacity', 'no media worker');
    if (!place.health.admits(place.calls.size))
      return fail('over-capacity', 'the media worker is at its limit');
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

  /** Where the room is, while there is capacity. */
  #placeFor(room: string): Place | undefined {
    const place = this.#rooms.get(room)?.place;
    return place?.health.admits(place.calls.size) === true ? place : this.#leastBusy();
  }

  /** By calls; among equals by what the calls really cost. */
  #leastBusy(): Place | undefined {
    const alive = this.#places.filter(({ thread }) => thread.isAlive);
    const willing = alive.filter(({ health, calls }) => health.admits(calls.size));
    const load = ({ health, calls }: Place) => calls.size + health.utilization;
    return (willing.length > 0 ? willing : alive).sort((one, other) => load(one) - load(other))[0];
  }

  #endHanging(): void {
    for (const { thread, health, calls } of this.#places) {
      if (!thread.isAlive || !health.second()) continue;
      this.#log.error({ calls: calls.size }, 'a media worker hangs and is ended');
      thread.kill('the thread hung');
    }
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
    const { address, publicAddress, stunServer, systemLibraries } = this.#config;
    return new WorkerThread({
      settings: { address, publicAddress, stunServer, systemLibraries },
      log: this.#log,
      onLoad: (load) => {
        place().health.told(load);
        this.#onLoad(load);
      },
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
    if (this.#stopping.signal.aborted) return;
    place.health = new WorkerHealth(this.#limits);
    place.thread = this.#spawn(() => place);
  }
}
