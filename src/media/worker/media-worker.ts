import { fail, failure, ok } from '../../errors.ts';
import { TickClock } from '../clock.ts';
import type {
  CallEvent,
  LogLevel,
  RequestMessage,
  WorkerMessage,
  WorkerResult,
  WorkerSettings,
} from '../protocol.ts';
import { Call } from './call.ts';
import { EncodingEffort } from './encoding-effort.ts';
import { encodingEffort, limitEncodingEffort } from './opus.ts';
import { Room } from './room.ts';
import { SoundFiles } from './sound-files.ts';
import { Turns } from './turns.ts';
import { readSockets } from './udp-socket.ts';
import type { DtlsCertificate } from './werift.ts';

interface OpenCall {
  readonly call: Call;
  readonly roomName: string;
  /** Requests of a call are carried out in order. */
  queue: Promise<unknown>;
}

/** How often the main thread hears how busy this worker is. */
const loadIntervalMs = 1000;
const readEveryMs = 40;

export interface MediaWorkerOptions {
  readonly settings: WorkerSettings;
  readonly certificate: DtlsCertificate;
  readonly post: (message: WorkerMessage) => void;
}

/** What runs in a worker thread: rooms and their calls on one clock, driven by the main thread's requests. */
export class MediaWorker {
  readonly #options: MediaWorkerOptions;
  readonly #clock: TickClock;
  readonly #turns = new Turns(() => this.#clock.lateMs > 0);
  readonly #files = new SoundFiles();
  readonly #rooms = new Map<string, Room>();
  readonly #calls = new Map<number, OpenCall>();
  /** Calls whose bridge leg is not up: for them sockets are read more often than ticks need. */
  readonly #connecting = new Set<number>();
  #readAt = 0;
  readonly #effort = new EncodingEffort();
  #utilization = performance.eventLoopUtilization();

  constructor(options: MediaWorkerOptions) {
    this.#options = options;
    const onError = (error: unknown): void => this.#log('error', { err: describe(error) }, 'a tick threw');
    this.#clock = new TickClock(onError, undefined, () => this.#read());
    setInterval(() => this.#tellLoad(), loadIntervalMs).unref();
  }

  handle(message: RequestMessage): void {
    if (message.verb === 'open') {
      this.#open(message.call, message.body.callId, message.body.room);
      this.#reply(message.request, ok(null));
      return;
    }
    const open = this.#calls.get(message.call);
    if (open === undefined) {
      this.#reply(message.request, fail('internal', 'no such call'));
      return;
    }
    open.queue = open.queue.then(async () => {
      await this.#turns.take();
      const result = await this.#carryOut(open.call, message).catch((error: unknown) =>
        this.#broken(message, error),
      );
      this.#reply(message.request, result);
    });
  }

  #carryOut(call: Call, message: RequestMessage): Promise<WorkerResult<unknown>> {
    switch (message.verb) {
      case 'bind-phone':
        return call.bindPhone(message.body.rtpPort, message.body.rtcpPort);
      case 'connect-bridge':
        this.#hurry(message.call, true);
        return call.connectBridge(message.body.port, message.body.offer);
      case 'close-bridge':
        this.#hurry(message.call, false);
        return call.closeBridge();
      case 'play':
        return call.play(message.body.play, message.body.prompts, message.body.options);
      case 'close':
        return this.#close(message.call);
      default:
        return Promise.resolve(this.#carryOutNow(call, message));
    }
  }

  #carryOutNow(call: Call, message: RequestMessage): WorkerResult<unknown> {
    switch (message.verb) {
      case 'connect-phone':
        return call.connectPhone(message.body.phone);
      case 'add-sources':
        return call.addSources(message.body.ssrcs);
      case 'remove-sources':
        return call.removeSources(message.body.ssrcs);
      case 'add-candidates':
        return call.addCandidates(message.body.candidates);
      case 'mute':
        return call.mute(message.body.leg, message.body.on);
      case 'stop-playing':
        return call.stopPlaying(message.body.leg);
      case 'send-dtmf':
        return call.sendDtmf(message.body.digits, message.body.leg);
      case 'statistics':
        return ok(call.statistics());
      default:
        return fail('internal', `unknown request ${message.verb}`);
    }
  }

  #open(number: number, callId: string, roomName: string): void {
    const { settings, certificate } = this.#options;
    const room = this.#room(roomName);
    const call = new Call({
      settings,
      certificate,
      room: room.sources,
      files: this.#files,
      now: () => performance.now(),
      onEvent: (event) => this.#event(number, event),
      onError: (error) => this.#log('error', { err: describe(error), callId }, 'the media of a call broke'),
    });
    this.#calls.set(number, { call, roomName, queue: Promise.resolve() });
    room.enter(call);
  }

  #room(name: string): Room {
    let room = this.#rooms.get(name);
    if (room === undefined) {
      room = new Room(this.#clock, (error) =>
        this.#log('error', { err: describe(error), room: name }, 'a conference source broke'),
      );
      this.#rooms.set(name, room);
    }
    return room;
  }

  async #close(number: number): Promise<WorkerResult<null>> {
    const call = this.#forget(number);
    await call?.close();
    return ok(null);
  }

  #forget(number: number): Call | undefined {
    const open = this.#calls.get(number);
    if (open === undefined) return undefined;
    this.#calls.delete(number);
    this.#hurry(number, false);
    const room = this.#rooms.get(open.roomName);
    room?.leave(open.call);
    if (room?.isEmpty === true) this.#rooms.delete(open.roomName);
    return open.call;
  }

  #event(number: number, event: CallEvent): void {
    if (event.name === 'failed') this.#forget(number);
    if (event.name === 'bridge-up' || event.name === 'bridge-down') this.#hurry(number, false);
    this.#options.post({ kind: 'event', call: number, event });
  }

  /** Ticks read the sockets of legs that are up; this is for the others, above all for those whose next step is a packet away. */
  #read(): void {
    const now = performance.now();
    this.#effort.ticked(this.#clock.lateMs, now);
    limitEncodingEffort(this.#effort.at(now));
    const isHurried = this.#connecting.size > 0;
    if (!isHurried && now - this.#readAt < readEveryMs) return;
    this.#readAt = now;
    readSockets();
  }

  #hurry(number: number, isConnecting: boolean): void {
    if (isConnecting) this.#connecting.add(number);
    else this.#connecting.delete(number);
    this.#clock.isHurried = this.#connecting.size > 0;
  }

  /** A request that throws is a bug, and ends its call. */
  async #broken(message: RequestMessage, error: unknown): Promise<WorkerResult<never>> {
    this.#log('error', { err: describe(error), verb: message.verb }, 'a media request threw');
    const why = failure('internal', `an exception in ${message.verb}`);
    await this.#close(message.call).catch(() => undefined);
    this.#options.post({ kind: 'event', call: message.call, event: { name: 'failed', why } });
    return { ok: false, error: why };
  }

  #tellLoad(): void {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.#utilization);
    this.#utilization = now;
    this.#effort.second(utilization);
    this.#options.post({
      kind: 'load',
      load: { utilization, encodingEffort: encodingEffort(), ticks: this.#clock.takeLateness() },
    });
  }

  #reply(request: number, result: WorkerResult<unknown>): void {
    this.#options.post({ kind: 'reply', request, result });
  }

  #log(level: LogLevel, context: object, message: string): void {
    this.#options.post({ kind: 'log', level, context, message });
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
