import { once } from 'node:events';
import { type Jitsi, startJitsi } from '../kit/jitsi.ts';
import type { Participant } from '../kit/participant.ts';
import { tone } from '../kit/tone.ts';
import { wireNow } from '../kit/wire-clock.ts';
import { placeCall, type SetupScene, type SetupTimes } from './call-setup.ts';
import { type GeneratorLoad, GeneratorWatch } from './generator-watch.ts';
import { type Distribution, distribution, rounded } from './percentiles.ts';
import { startGateway } from './stage.ts';
import { type Background, measureDelays, type WireDelays } from './wire-delay.ts';

export interface SingleCallsReport {
  readonly calls: number;
  /** INVITE to audio, milliseconds. `bothWays` is the later of the two. */
  readonly setup: {
    readonly bothWays: Distribution;
    readonly phoneHears: Distribution;
    readonly roomHears: Distribution;
    /** The first call of the process, with everything still to be compiled; it is in the figures above too. */
    readonly firstCallMs: number;
    /** Median time of each step since the INVITE. */
    readonly steps: Readonly<Record<string, number>>;
  };
  /** On the wire, milliseconds. */
  readonly delay: {
    readonly phoneToRoom: Distribution;
    readonly roomToPhone: Distribution;
    readonly roomToPhoneOverNoise: Distribution;
    readonly roomToPhoneAfterSilence: Distribution;
    readonly lostBursts: number;
  };
  readonly clocks: ClockProof;
  readonly generator: GeneratorLoad;
}

export interface ClockProof {
  /** Questions to the bridge's process whose answer lay between our times before and after. */
  readonly between: number;
  readonly of: number;
  /** The closest pair of times that held an answer: the clocks differ by no more than this. */
  readonly withinMs: number;
}

const roomName = 'bench';
const voice = tone(440, 48_000, 1, -15);
const none: WireDelays = { phoneToRoom: [], roomToPhone: [], lost: 0 };

/**
 * Calls one after another into a room in which somebody waits: set-up times and, when there are `bursts`, delays on the wire. The
 * bridge is libwebrtc. `nagle`: see ProsodyOptions.
 */
export async function measureSingleCalls(
  calls: number,
  bursts: number,
  nagle = true,
): Promise<SingleCallsReport> {
  const jitsi = await startJitsi({ prosody: { nagle } });
  await jitsi.bridge.trace();
  const bench = await startGateway(jitsi.prosody).catch(async (error: unknown) => {
    await jitsi.stop();
    throw error;
  });
  try {
    const clocks = await proveClocks(jitsi);
    const listener = await jitsi.room(roomName).join('Alice');
    const watch = await GeneratorWatch.start(jitsi.bridge);
    const scene = { jitsi, bench, listener, room: roomName };
    const times: SetupTimes[] = [];
    const delays: (WireDelays & { background: Background })[] = [];
    for (let number = 0; number < calls; number += 1) {
      const background = number % 2 === 0 ? 'noise' : 'silence';
      const one = await measureCall(scene, bursts, background);
      times.push(one.times);
      delays.push({ ...one.delays, background });
    }
    return report(times, delays, clocks, await watch.take());
  } finally {
    await bench.stop();
    await jitsi.stop();
  }
}

async function measureCall(scene: SetupScene, bursts: number, background: Background) {
  const { listener } = scene;
  listener.keepSpeaking(voice);
  const placed = await placeCall(scene);
  const delays = bursts === 0 ? none : await measureDelays(scene, placed, bursts, background);
  const left = leaves(listener, placed.nick);
  await placed.call.hangup();
  await left;
  placed.call.audio.close();
  return { times: placed.times, delays };
}

async function leaves(listener: Participant, nick: string): Promise<void> {
  while (listener.others.has(nick)) await once(listener, 'gone');
}

async function proveClocks({ bridge }: Jitsi): Promise<ClockProof> {
  const widths: number[] = [];
  const questions = 50;
  let between = 0;
  for (let question = 0; question < questions; question += 1) {
    const before = wireNow();
    const { now } = await bridge.load();
    const after = wireNow();
    if (before <= now && now <= after) between += 1;
    widths.push(after - before);
  }
  return { between, of: questions, withinMs: rounded(Math.min(...widths), 2) };
}

function report(
  times: readonly SetupTimes[],
  delays: readonly (WireDelays & { background: Background })[],
  clocks: ClockProof,
  generator: GeneratorLoad,
): SingleCallsReport {
  const bothWays = times.map(({ phoneHears, roomHears }) => Math.max(phoneHears, roomHears));
  const toPhone = (background: Background) =>
    delays.filter((one) => one.background === background).flatMap((one) => one.roomToPhone);
  return {
    calls: times.length,
    setup: {
      bothWays: distribution(bothWays),
      phoneHears: distribution(times.map((one) => one.phoneHears)),
      roomHears: distribution(times.map((one) => one.roomHears)),
      firstCallMs: rounded(bothWays[0] ?? Number.NaN),
      steps: medianSteps(times),
    },
    delay: {
      phoneToRoom: distribution(delays.flatMap((one) => one.phoneToRoom)),
      roomToPhone: distribution(delays.flatMap((one) => one.roomToPhone)),
      roomToPhoneOverNoise: distribution(toPhone('noise')),
      roomToPhoneAfterSilence: distribution(toPhone('silence')),
      lostBursts: delays.reduce((sum, one) => sum + one.lost, 0),
    },
    clocks,
    generator,
  };
}

function medianSteps(times: readonly SetupTimes[]): Record<string, number> {
  const names = new Set(times.flatMap(({ steps }) => [...steps.keys()]));
  const medians = [...names].map((name) => {
    const values = times.flatMap(({ steps }) => steps.get(name) ?? []);
    return [name, distribution(values).p50] as const;
  });
  return Object.fromEntries(medians.sort(([, one], [, other]) => one - other));
}
