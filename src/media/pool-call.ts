import { EventEmitter } from 'node:events';
import { type Failure, fail, failure, ok, type Result } from '../errors.ts';
import type {
  BridgeAnswer,
  BridgeOffer,
  IceCandidate,
  MediaCall,
  MediaCallEvents,
  MediaStatistics,
  PhoneMedia,
  PlayOptions,
  Prompt,
} from './media-engine.ts';
import type { PortAllocator, PortPair } from './ports.ts';
import type { Body, CallEvent, Value, Verb, WorkerResult } from './protocol.ts';
import type { WorkerThread } from './worker-thread.ts';

export interface PoolCallOptions {
  /** Number of the call in messages to its worker. */
  readonly number: number;
  readonly thread: WorkerThread;
  readonly ports: PortAllocator;
  /** A listener of the call threw: a bug of its owner, which must not reach other calls. */
  readonly onListenerError: (error: unknown) => void;
  /** The call is over, by `close` or by failure; called once. */
  readonly onOver: () => void;
}

/** A range full of other programs' ports is given up after this many attempts. */
const bindAttempts = 64;

/**
 * The main thread's half of a call's media: it owns the port numbers and hands everything else to the worker. Operations are
 * carried out one after the other, so that a source added while the bridge leg is being set up is not lost.
 */
export class PoolCall extends EventEmitter<MediaCallEvents> implements MediaCall {
  readonly #options: PoolCallOptions;
  #queue: Promise<unknown> = Promise.resolve();
  #phonePorts: PortPair | undefined;
  /** A bridge leg that the worker has not confirmed yet, and why it has failed meanwhile. */
  #newBridge: { readonly port: number; why: Failure | undefined } | undefined;
  #bridgePort: number | undefined;
  /** What `play` promised, by number. */
  readonly #plays = new Map<number, (over: Result<'ended' | 'stopped'>) => void>();
  #lastPlay = 0;
  #over: Failure | undefined;

  constructor(options: PoolCallOptions) {
    super();
    this.#options = options;
  }

  openPhone(): Promise<Result<{ readonly rtpPort: number; readonly rtcpPort: number }>> {
    return this.#inOrder(async () => {
      if (this.#phonePorts === undefined) {
        const bound = await this.#bindPhone();
        if (!bound.ok) return bound;
        this.#phonePorts = bound.value;
      }
      return ok({ rtpPort: this.#phonePorts.rtp, rtcpPort: this.#phonePorts.rtcp });
    });
  }

  connectPhone(phone: PhoneMedia): Promise<Result<void>> {
    return this.#inOrder(async () => {
      const done = await this.#ask('connect-phone', { phone });
      return done.ok ? ok(undefined) : done;
    });
  }

  connectBridge(offer: BridgeOffer): Promise<Result<BridgeAnswer>> {
    return this.#inOrder(async () => {
      for (let attempt = 0; attempt < bindAttempts; attempt += 1) {
        const port = this.#options.ports.takeOne();
        if (port === undefined) break;
        this.#newBridge = { port, why: undefined };
        const answer = await this.#ask('connect-bridge', { port, offer });
        if (answer.ok) {
          this.#replaceBridge(this.#newBridge);
          return answer;
        }
        this.#giveBack(answer.error.busyPort, port);
        if (answer.error.busyPort === undefined) return answer;
      }
      return fail('ports-exhausted');
    });
  }

  addSources(ssrcs: readonly number[]): void {
    this.#tell('add-sources', { ssrcs });
  }

  removeSources(ssrcs: readonly number[]): void {
    this.#tell('remove-sources', { ssrcs });
  }

  addCandidates(candidates: readonly IceCandidate[]): void {
    this.#tell('add-candidates', { candidates });
  }

  closeBridge(): void {
    void this.#inOrder(async () => {
      await this.#ask('close-bridge', null);
      this.#releaseBridge();
      return ok(undefined);
    });
  }

  mute(leg: 'phone' | 'room', on: boolean): void {
    this.#tell('mute', { leg, on });
  }

  sendDtmf(digits: string, leg: 'phone' | 'room'): void {
    this.#tell('send-dtmf', { digits, leg });
  }

  async play(prompts: readonly Prompt[], options: PlayOptions = {}): Promise<Result<'ended' | 'stopped'>> {
    this.#lastPlay += 1;
    const play = this.#lastPlay;
    const over = new Promise<Result<'ended' | 'stopped'>>((resolve) => this.#plays.set(play, resolve));
    const queued = await this.#inOrder(() => this.#ask('play', { play, prompts, options }));
    if (queued.ok) return over;
    this.#plays.delete(play);
    return queued;
  }

  stopPlaying(leg: 'phone' | 'room'): void {
    this.#tell('stop-playing', { leg });
  }

  /** Zeros when the call is over. */
  async statistics(): Promise<MediaStatistics> {
    const answer = await this.#ask('statistics', null);
    return answer.ok ? answer.value : noStatistics;
  }

  async close(): Promise<void> {
    await this.#inOrder(async () => {
      await this.#ask('close', null);
      return ok(undefined);
    });
    this.#end(failure('hangup'));
  }

  /** From the worker. */
  handle(event: CallEvent): void {
    if (this.#over !== undefined) return;
    switch (event.name) {
      case 'bridge-down':
        this.#bridgeDown(event.port, event.why);
        break;
      case 'digit':
        this.#announce('digit', event.digit, event.leg);
        break;
      case 'played':
        this.#plays.get(event.play)?.(ok(event.how));
        this.#plays.delete(event.play);
        break;
      case 'hold-music-failed':
        this.#announce('hold-music-failed', event.why);
        break;
      case 'failed':
        this.breakDown(event.why);
        break;
      default:
        this.#announce(event.name);
    }
  }

  /** The call cannot be used any more: its worker died, or it is broken itself. */
  breakDown(why: Failure): void {
    if (this.#over === undefined) {
      this.#end(why);
      this.#announce('failed', why);
    }
  }

  #announce<N extends keyof MediaCallEvents>(name: N, ...details: MediaCallEvents[N]): void {
    try {
      (this as EventEmitter).emit(name, ...details);
    } catch (error) {
      this.#options.onListenerError(error);
    }
  }

  /** Sockets are closed by now, here or with the worker. */
  #end(why: Failure): void {
    if (this.#over !== undefined) return;
    this.#over = why;
    for (const over of this.#plays.values()) over({ ok: false, error: why });
    this.#plays.clear();
    this.#releaseBridge();
    if (this.#phonePorts !== undefined)
      this.#options.ports.release(this.#phonePorts.rtp, this.#phonePorts.rtcp);
    this.#phonePorts = undefined;
    this.#options.onOver();
  }

  #bridgeDown(port: number, why: Failure): void {
    if (this.#newBridge?.port === port) this.#newBridge.why = why;
    if (port !== this.#bridgePort) return;
    this.#releaseBridge();
    this.#announce('bridge-down', why);
  }

  #replaceBridge({ port, why }: { readonly port: number; readonly why: Failure | undefined }): void {
    this.#newBridge = undefined;
    this.#releaseBridge();
    this.#bridgePort = port;
    if (why !== undefined) setImmediate(() => this.#bridgeDown(port, why));
  }

  async #bindPhone(): Promise<Result<PortPair>> {
    for (let attempt = 0; attempt < bindAttempts; attempt += 1) {
      const pair = this.#options.ports.takePair();
      if (pair === undefined) break;
      const bound = await this.#ask('bind-phone', { rtpPort: pair.rtp, rtcpPort: pair.rtcp });
      if (bound.ok) return ok(pair);
      this.#giveBack(bound.error.busyPort, pair.rtp, pair.rtcp);
      if (bound.error.busyPort === undefined) return bound;
    }
    return fail('ports-exhausted');
  }

  #giveBack(busyPort: number | undefined, ...ports: readonly number[]): void {
    if (busyPort !== undefined) this.#options.ports.markForeign(busyPort);
    this.#options.ports.release(...ports);
  }

  #releaseBridge(): void {
    if (this.#bridgePort !== undefined) this.#options.ports.release(this.#bridgePort);
    this.#bridgePort = undefined;
  }

  #ask<V extends Verb>(verb: V, body: Body<V>): Promise<WorkerResult<Value<V>>> {
    if (this.#over !== undefined) return Promise.resolve({ ok: false, error: this.#over });
    return this.#options.thread.request(this.#options.number, verb, body);
  }

  #tell<V extends Verb>(verb: V, body: Body<V>): void {
    void this.#inOrder(() => this.#ask(verb, body));
  }

  #inOrder<T>(operation: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(operation);
    this.#queue = done.catch(() => undefined);
    return done;
  }
}

const noLeg = { packetsSent: 0, packetsReceived: 0, packetsLost: 0, jitterMs: 0, dropped: {} };
const noStatistics: MediaStatistics = { phone: noLeg, bridge: noLeg, sources: [] };
