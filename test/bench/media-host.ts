import { silentLog } from '../../src/log.ts';
import type { BridgeOffer, MediaCall } from '../../src/media/media-engine.ts';
import { phoneMedia } from '../../src/media/phone-media.fixture.ts';
import { MediaPool } from '../../src/media/pool.ts';
import type { WorkerLoad } from '../../src/media/protocol.ts';

// The media engine with one worker as a process of its own on the gateway's core, driven by the bench: calls without signalling.

export interface OpenLeg {
  readonly leg: number;
  readonly room: string;
  readonly bridgePort: number;
  readonly phonePort: number;
  readonly fingerprint: string;
  readonly ssrcs: readonly number[];
}

export interface HostLoad {
  /** Microseconds of CPU since the process began, all threads. */
  readonly cpu: number;
  /** Milliseconds. */
  readonly at: number;
  readonly residentKiB: number;
  /** Ticks by milliseconds of lateness, since the last question. */
  readonly lateness: readonly number[];
  readonly skipped: number;
  /** Busy part of the worker's event loop, mean of the seconds. */
  readonly utilization: number;
  /** See WorkerLoad: the least since the last question; null when nothing was heard since. */
  readonly encodingEffort: number | null;
}

export type HostRequest =
  | { readonly id: number; readonly verb: 'open'; readonly leg: OpenLeg }
  | { readonly id: number; readonly verb: 'close'; readonly leg: number }
  | { readonly id: number; readonly verb: 'load' };

const loads: WorkerLoad[] = [];
const calls = new Map<number, MediaCall>();
const pool = new MediaPool({
  config: {
    minPort: 10_000,
    maxPort: 31_999,
    address: '127.0.0.1',
    publicAddress: undefined,
    stunServer: undefined,
    workers: 1,
  },
  log: silentLog,
  onLoad: (load) => loads.push(load),
  limits: { utilization: 2, tickLatenessMs: 1e9, ticksSkipped: 1e9 },
});

async function open({ leg, room, bridgePort, phonePort, fingerprint, ssrcs }: OpenLeg): Promise<number> {
  const call = value(await pool.open(`leg-${leg}`, room));
  calls.set(leg, call);
  const { rtpPort } = value(await call.openPhone());
  const remote = { address: '127.0.0.1', port: phonePort, rtcpPort: phonePort };
  await call.connectPhone(phoneMedia(phonePort, { remote }));
  const number = String(leg).padStart(5, '0');
  const candidate = {
    foundation: '1',
    priority: 1,
    address: '127.0.0.1',
    port: bridgePort,
    type: 'host',
  } as const;
  const offer: BridgeOffer = {
    transport: { ufrag: `leg${number}`, pwd: `password-of-the-leg-${number}`, candidates: [candidate] },
    fingerprint: { hash: 'sha-256', value: fingerprint, setup: 'actpass' },
    opusPayloadType: 111,
    telephoneEventPayloadType: 126,
    audioLevelId: 1,
    sources: ssrcs,
  };
  const up = new Promise<void>((resolve, reject) => {
    call.once('bridge-up', resolve);
    call.once('bridge-down', (why) => reject(new Error(`${why.code} ${why.detail}`)));
  });
  value(await call.connectBridge(offer));
  await up;
  return rtpPort;
}

async function close(leg: number): Promise<null> {
  await calls.get(leg)?.close();
  calls.delete(leg);
  return null;
}

function load(): HostLoad {
  const taken = loads.splice(0);
  const lateness = new Array<number>(201).fill(0);
  for (const { ticks } of taken) {
    for (const [ms, count] of ticks.byMs.entries()) lateness[ms] = (lateness[ms] ?? 0) + count;
  }
  const { user, system } = process.cpuUsage();
  return {
    cpu: user + system,
    at: performance.now(),
    residentKiB: process.memoryUsage.rss() / 1024,
    lateness,
    skipped: taken.reduce((sum, { ticks }) => sum + ticks.skipped, 0),
    encodingEffort: taken.length === 0 ? null : Math.min(...taken.map((one) => one.encodingEffort)),
    utilization: taken.reduce((sum, one) => sum + one.utilization, 0) / Math.max(1, taken.length),
  };
}

function value<T>(result: { ok: true; value: T } | { ok: false; error: unknown }): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

async function answer(request: HostRequest): Promise<unknown> {
  if (request.verb === 'open') return open(request.leg);
  return request.verb === 'close' ? close(request.leg) : load();
}

process.on('message', (request: HostRequest) => {
  answer(request).then(
    (result) => process.send?.({ id: request.id, result }),
    (error: Error) => process.send?.({ id: request.id, error: error.message }),
  );
});
process.on('disconnect', () => process.exit(0));
await pool.start();
process.send?.({ id: 0 });
