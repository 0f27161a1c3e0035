import { type ChildProcess, fork } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { BridgeReply, BridgeRequest } from './bridge-protocol.ts';
import type { BridgeImpairment } from './bridge-relay.ts';
import type { LegRecording, LegStatistics, Speech } from './bridge-rooms.ts';
import type { BridgePayloadTypes } from './bridge-sdp.ts';
import {
  type BridgeEndpoint,
  type BridgeTransport,
  type MediaBridge,
  paperEndpoint,
} from './media-bridge.ts';
import type { ProcessLoad } from './process-load.ts';
import type { TracedPacket } from './rtp-trace.ts';
import type { Sound } from './sound.ts';
import { resample } from './tone.ts';

export interface BridgeOptions {
  /** Where gateways find the bridge; default: this machine's first IPv4 address that is not loopback, else 127.0.0.1. */
  readonly address?: string;
  readonly payloadTypes?: BridgePayloadTypes;
}

interface BridgeEvents {
  /** ICE and DTLS of the leg `room/nick` are done. */
  connected: [room: string, nick: string];
  /** The participant with this SSRC has said all. */
  spoken: [room: string, ssrc: number];
}

export async function startBridge(options: BridgeOptions = {}): Promise<Bridge> {
  const bridge = new Bridge();
  const payloadTypes = options.payloadTypes ?? { opus: 111, telephoneEvent: 126 };
  await bridge.ask({ verb: 'start', address: options.address ?? ownAddress(), payloadTypes });
  return bridge;
}

export function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find((address) => address.family === 'IPv4' && !address.internal)?.address ?? '127.0.0.1';
}

/** A videobridge whose media ends are libwebrtc, in a process of its own. */
export class Bridge extends EventEmitter<BridgeEvents> implements MediaBridge {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (error: Error) => void }
  >();
  /** Real JIDs of the kit's own participants: they have no connection, their audio is made in the bridge. */
  readonly #inside = new Set<string>();
  readonly #connected = new Set<string>();
  #count = 0;
  #stopped = false;

  constructor() {
    super();
    this.setMaxListeners(100);
    this.#child = fork(fileURLToPath(new URL('bridge-process.ts', import.meta.url)), {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      execArgv: [],
      detached: true, // Ctrl-C in the terminal is not for it
    });
    this.#child.on('message', (reply) => this.#received(reply as BridgeReply));
    this.#child.on('exit', (code, signal) => this.#ended(`the bridge ended: ${code ?? signal}`));
    this.#child.on('error', (error) => this.#ended(String(error)));
  }

  /** The participant `realJid` is inside: no media end is made for it. */
  admit(realJid: string): void {
    this.#inside.add(realJid);
  }

  async allocate(room: string, nick: string, realJid: string): Promise<BridgeEndpoint> {
    if (this.#inside.has(realJid)) return this.#insideEndpoint(room, nick);
    this.#count += 1;
    const key = this.#count;
    this.#connected.delete(`${room}/${nick}`);
    const transport = (await this.ask({ verb: 'allocate', key, room, nick })) as BridgeTransport;
    return {
      transport,
      accept: (answer) => this.#tell({ verb: 'accept', key, answer }),
      sources: (ssrcs) => this.#tell({ verb: 'leg-sources', key, ssrcs }),
      close: () => this.#tell({ verb: 'close', key }),
    };
  }

  /** The participant with this SSRC says it once; resolves when the last of it was given to libwebrtc. Any rate. */
  async say(room: string, ssrc: number, sound: Sound): Promise<void> {
    const spoken = new Promise<void>((resolve) => {
      const listen = (where: string, who: number) => {
        if (where !== room || who !== ssrc) return;
        this.off('spoken', listen);
        resolve();
      };
      this.on('spoken', listen);
    });
    this.speak(room, ssrc, { samples: at48k(sound), loop: false });
    await spoken;
  }

  /** Again and again until `hush`. */
  keepSaying(room: string, ssrc: number, sound: Sound): void {
    this.speak(room, ssrc, { samples: at48k(sound), loop: true });
  }

  /** Silent from now on, and nothing is sent for it. */
  hush(room: string, ssrc: number): void {
    this.speak(room, ssrc, undefined);
  }

  /** 48 kHz samples; undefined: silent. */
  speak(room: string, ssrc: number, speech: Speech | undefined): void {
    this.#tell({ verb: 'speak', room, ssrc, speech });
  }

  /** From now on, on all legs. An empty object ends it. */
  impair(impairment: BridgeImpairment): void {
    this.#tell({ verb: 'impair', impairment });
  }

  /** What the gateway leg `nick` sent into the room since its media was offered, or since `clear`. */
  async heard(room: string, nick: string): Promise<LegRecording | undefined> {
    return (await this.ask({ verb: 'heard', room, nick })) as LegRecording | undefined;
  }

  async clear(room: string): Promise<void> {
    await this.ask({ verb: 'clear', room });
  }

  async statistics(room: string, nick: string): Promise<LegStatistics | undefined> {
    return (await this.ask({ verb: 'statistics', room, nick })) as LegStatistics | undefined;
  }

  /** Legs that come from now on note every packet. */
  async trace(): Promise<void> {
    await this.ask({ verb: 'trace' });
  }

  /** What passed on the wire of the leg `nick` since `trace`, or since the last question. */
  async traced(room: string, nick: string): Promise<TracedPacket[]> {
    return (await this.ask({ verb: 'traced', room, nick })) as TracedPacket[];
  }

  /** How busy the bridge's process was since the last question. */
  async load(): Promise<ProcessLoad> {
    return (await this.ask({ verb: 'load' })) as ProcessLoad;
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** Resolves when ICE and DTLS with the leg are done. */
  async connected(room: string, nick: string): Promise<void> {
    while (!this.#connected.has(`${room}/${nick}`)) await once(this, 'connected');
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  ask(request: BridgeRequest): Promise<unknown> {
    if (this.#stopped) return Promise.reject(new Error('the bridge is stopped'));
    this.#count += 1;
    const id = this.#count;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.send({ id, request });
    });
  }

  #tell(request: BridgeRequest): void {
    if (!this.#stopped) this.ask(request).catch(() => {});
  }

  #insideEndpoint(room: string, nick: string): BridgeEndpoint {
    const sources = (ssrcs: readonly number[]) => this.#tell({ verb: 'sources', room, nick, ssrcs });
    return { ...paperEndpoint(), accept: ({ ssrcs }) => sources(ssrcs), sources, close: () => sources([]) };
  }

  #received(reply: BridgeReply): void {
    if ('event' in reply) {
      if (reply.event === 'spoken') this.emit('spoken', reply.room, Number(reply.subject));
      else {
        this.#connected.add(`${reply.room}/${reply.subject}`);
        this.emit('connected', reply.room, reply.subject);
      }
      return;
    }
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (reply.error === undefined) waiting?.resolve(reply.value);
    else waiting?.reject(new Error(reply.error));
  }

  #ended(why: string): void {
    const error = new Error(why);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    if (!this.#stopped) console.error(why);
    this.#stopped = true;
  }
}

function at48k(sound: Sound): Int16Array {
  return sound.rate === 48_000 ? sound.samples : resample(sound, 48_000).samples;
}
