import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { ownAddress } from './bridge.ts';
import type { HeardLeg, LightRequest } from './light-bridge-protocol.ts';
import {
  type BridgeEndpoint,
  type BridgeTransport,
  type MediaBridge,
  paperEndpoint,
} from './media-bridge.ts';
import type { ProcessLoad } from './process-load.ts';
import type { Sound } from './sound.ts';

interface Reply {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** `sound` at 48 kHz is what every participant of every room says for ever. */
export async function startLightBridge(sound: Sound): Promise<LightBridge> {
  const bridge = new LightBridge();
  await bridge.ready;
  await bridge.ask({ verb: 'start', samples: sound.samples });
  return bridge;
}

/**
 * A videobridge for load, in a process of its own: libwebrtc encodes and decodes for each leg, which for fifty legs takes more than
 * the core that the whole load generator has. Occupants of the component `callcontrol.…` get media, others are inside.
 */
export class LightBridge implements MediaBridge {
  readonly ready: Promise<unknown>;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  readonly #rooms = new Map<string, LightRoom>();
  #count = 0;
  #stopped = false;

  constructor() {
    this.#child = fork(fileURLToPath(new URL('light-bridge-process.ts', import.meta.url)), {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      execArgv: [],
    });
    this.ready = once(this.#child, 'message');
    this.#child.on('message', (reply) => this.#received(reply as Reply));
    this.#child.on('exit', (code, signal) => this.#ended(`the light bridge ended: ${code ?? signal}`));
    this.#child.on('error', (error) => this.#ended(String(error)));
  }

  async allocate(room: string, nick: string, realJid: string): Promise<BridgeEndpoint> {
    const place = this.#rooms.get(room) ?? new LightRoom();
    this.#rooms.set(room, place);
    if (!realJid.includes('@callcontrol.')) return this.#inside(place, nick);
    this.#count += 1;
    const key = this.#count;
    const request = { verb: 'allocate', key, room, nick, address: ownAddress() } as const;
    const transport = (await this.ask(request)) as BridgeTransport;
    place.legs.add(key);
    return {
      transport,
      accept: (answer) => {
        this.#tell({ verb: 'accept', key, answer });
        this.#tell({ verb: 'sources', key, ssrcs: place.ssrcs });
      },
      sources: () => {},
      close: () => {
        place.legs.delete(key);
        this.#tell({ verb: 'close', key });
      },
    };
  }

  /** Begins to keep what comes from the gateway, for `hear`; or stops. */
  async keep(on: boolean): Promise<void> {
    await this.ask({ verb: 'keep', on });
  }

  /** What came on each leg since `keep`. */
  async hear(): Promise<HeardLeg[]> {
    return (await this.ask({ verb: 'hear' })) as HeardLeg[];
  }

  /** How busy its process was since the last question. */
  async load(): Promise<ProcessLoad> {
    return (await this.ask({ verb: 'load' })) as ProcessLoad;
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  ask(request: LightRequest): Promise<unknown> {
    if (this.#stopped) return Promise.reject(new Error('the light bridge is stopped'));
    this.#count += 1;
    const id = this.#count;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.send({ id, request });
    });
  }

  #tell(request: LightRequest): void {
    if (!this.#stopped) this.ask(request).catch(() => {});
  }

  #inside(place: LightRoom, nick: string): BridgeEndpoint {
    const sources = (ssrcs: readonly number[]) => {
      place.speakers.set(nick, ssrcs);
      for (const key of place.legs) this.#tell({ verb: 'sources', key, ssrcs: place.ssrcs });
    };
    return { ...paperEndpoint(), accept: ({ ssrcs }) => sources(ssrcs), sources, close: () => sources([]) };
  }

  #received(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (reply.error === undefined) waiting?.resolve(reply.value);
    else waiting?.reject(new Error(reply.error));
  }

  #ended(why: string): void {
    for (const { reject } of this.#waiting.values()) reject(new Error(why));
    this.#waiting.clear();
    if (!this.#stopped) console.error(why);
    this.#stopped = true;
  }
}

class LightRoom {
  /** SSRCs by nick. */
  readonly speakers = new Map<string, readonly number[]>();
  readonly legs = new Set<number>();

  get ssrcs(): number[] {
    return [...this.speakers.values()].flat();
  }
}
