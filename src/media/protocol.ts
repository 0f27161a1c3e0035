import type { Failure, Result } from '../errors.ts';
import type { TickLateness } from './clock.ts';
import type { Digit } from './dtmf-event.ts';
import type {
  BridgeAnswer,
  BridgeOffer,
  IceCandidate,
  MediaStatistics,
  PhoneMedia,
  PlayOptions,
  Prompt,
} from './media-engine.ts';

/** What a media worker needs to know for its whole life (`workerData`). */
export interface WorkerSettings {
  /** See MediaConfig. */
  readonly systemLibraries?: boolean | undefined;
  /** Where the thread notes its file descriptors: see OpenSockets. */
  readonly openSockets?: SharedArrayBuffer;
  /** Address that media sockets are bound to. */
  readonly address: string;
  readonly publicAddress: string | undefined;
  /** `host:port`; undefined: none is ever contacted. */
  readonly stunServer: string | undefined;
}

/** What the main thread asks of a worker, and what it gets. Requests of one call are carried out in order. */
export interface Requests {
  open: { readonly body: { readonly callId: string; readonly room: string }; readonly value: null };
  'bind-phone': {
    readonly body: { readonly rtpPort: number; readonly rtcpPort: number };
    readonly value: null;
  };
  'connect-phone': { readonly body: { readonly phone: PhoneMedia }; readonly value: null };
  'connect-bridge': {
    readonly body: { readonly port: number; readonly offer: BridgeOffer };
    readonly value: BridgeAnswer;
  };
  'close-bridge': { readonly body: null; readonly value: null };
  'add-sources': { readonly body: { readonly ssrcs: readonly number[] }; readonly value: null };
  'remove-sources': { readonly body: { readonly ssrcs: readonly number[] }; readonly value: null };
  'add-candidates': { readonly body: { readonly candidates: readonly IceCandidate[] }; readonly value: null };
  mute: { readonly body: { readonly leg: 'phone' | 'room'; readonly on: boolean }; readonly value: null };
  'send-dtmf': {
    readonly body: { readonly digits: string; readonly leg: 'phone' | 'room' };
    readonly value: null;
  };
  /** Answered when it is queued; `played` follows when it is over. `play` numbers it. */
  play: {
    readonly body: {
      readonly play: number;
      readonly prompts: readonly Prompt[];
      readonly options: PlayOptions;
    };
    readonly value: null;
  };
  'stop-playing': { readonly body: { readonly leg: 'phone' | 'room' }; readonly value: null };
  statistics: { readonly body: null; readonly value: MediaStatistics };
  close: { readonly body: null; readonly value: null };
}

export type Verb = keyof Requests;
export type Body<V extends Verb> = Requests[V]['body'];
export type Value<V extends Verb> = Requests[V]['value'];

/** `request` numbers the message, `call` the call; both are given by the main thread. */
export type RequestMessage = {
  [V in Verb]: { readonly request: number; readonly call: number; readonly verb: V; readonly body: Body<V> };
}[Verb];

/** `busyPort`: the port belongs to another program; with another one the request may succeed. */
export interface WorkerFailure extends Failure {
  readonly busyPort?: number;
}

export type WorkerResult<T> = Result<T, WorkerFailure>;

/** What happens to a call on its own. `bridge-down` names the leg's port, because a newer leg may be under way already. */
export type CallEvent =
  | { readonly name: 'bridge-up' | 'phone-silent' | 'phone-heard' }
  | { readonly name: 'bridge-down'; readonly port: number; readonly why: Failure }
  | { readonly name: 'digit'; readonly digit: Digit; readonly leg: 'phone' | 'room' }
  | { readonly name: 'played'; readonly play: number; readonly how: 'ended' | 'stopped' }
  | { readonly name: 'failed' | 'hold-music-failed'; readonly why: Failure };

/** How a worker does, since it last told. */
export interface WorkerLoad {
  /** Part of the time in which its event loop was busy, 0…1. */
  readonly utilization: number;
  /** The most complexity that its encoders may use now, 0…10. */
  readonly encodingEffort: number;
  readonly ticks: TickLateness;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export type WorkerMessage =
  /** `libraries`: what it found on this system, for the log. */
  | { readonly kind: 'ready'; readonly libraries: Readonly<Record<string, string>> }
  | { readonly kind: 'reply'; readonly request: number; readonly result: WorkerResult<unknown> }
  | { readonly kind: 'event'; readonly call: number; readonly event: CallEvent }
  | { readonly kind: 'load'; readonly load: WorkerLoad }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly context: object; readonly message: string };
