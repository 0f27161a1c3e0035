import { setTimeout as delay } from 'node:timers/promises';
import type { HostLoad } from './media-host.ts';
import { type GeneratorReport, LoadGenerator, MediaHost, type Programs } from './media-programs.ts';
import { rounded } from './percentiles.ts';

const tickMs = 20;
const speakers = 3;
const settleMs = 1500;
const openAtOnce = 5;
const windowMs = 2000;
/** Until the gateway's hot functions are compiled. */
const warmUpMs = 5000;

export interface StageOptions {
  readonly legs: number;
  readonly phonesPerRoom: number;
  /** The phones speak; else they hear a quiet room. */
  readonly talking: boolean;
}

/** What a number of calls cost and how punctual they were. */
export interface Measured {
  readonly calls: number;
  /**
   * Microseconds of the gateway's CPU for a call in a tick of 20 ms: the least of windows of two seconds, of those at full effort when there
   * are any. Other guests of the host only ever add, by a fifth and more within seconds; the floor is measured in the same way.
   */
  readonly cpuPerCallTick: number;
  /** The same over the whole time. */
  readonly meanCpuPerCallTick: number;
  readonly cpuPercent: number;
  /** Lateness of ticks, milliseconds. */
  readonly tickP99Ms: number;
  readonly tickMaxMs: number;
  readonly ticksSkipped: number;
  readonly utilization: number;
  /** False: the worker was so busy that it encoded with less complexity than the floor does, in each of the windows. */
  readonly atFullEffort: boolean;
  readonly residentMiB: number;
  readonly generator: GeneratorReport;
  /** The generator itself was on time and lost nothing. */
  readonly generatorIsSound: boolean;
}

/** A gateway's media engine on one core, and the bridge and phones of many calls on the other. */
export class MediaStage {
  readonly #options: StageOptions;
  readonly #host: MediaHost;
  readonly #generator: LoadGenerator;
  #calls = 0;
  /** The leg that a new call gets: one that ended does not come back. */
  #nextLeg = 0;
  readonly #legs: number[] = [];

  static async start(
    programs: Programs,
    options: StageOptions,
    nodeArguments: readonly string[] = [],
    hostFile?: string,
  ): Promise<MediaStage> {
    const generator = await LoadGenerator.start(programs, options.legs);
    const host = await MediaHost.start(nodeArguments, hostFile).catch((error: unknown) => {
      generator.stop();
      throw error;
    });
    return new MediaStage(options, host, generator);
  }

  private constructor(options: StageOptions, host: MediaHost, generator: LoadGenerator) {
    this.#options = options;
    this.#host = host;
    this.#generator = generator;
  }

  /** Opens calls until there are so many; all of them have their media. */
  async grow(calls: number): Promise<void> {
    const isCold = this.#calls === 0;
    while (this.#calls < calls) {
      const count = Math.min(calls - this.#calls, openAtOnce);
      await this.burst(count);
    }
    await delay(isCold ? warmUpMs : settleMs);
  }

  /** What the calls cost during so many seconds. */
  async measure(seconds: number): Promise<Measured> {
    const loads = [await this.#host.load()];
    await this.#generator.report();
    for (let left = seconds * 1000; left > 0; left -= windowMs) {
      await delay(Math.min(left, windowMs));
      loads.push(await this.#host.load());
    }
    const generator = await this.#generator.report();
    return measured(this.#calls, loads, generator);
  }

  /** Opens so many calls at the same moment; resolves when all have their media. */
  async burst(calls: number): Promise<void> {
    await Promise.all(Array.from({ length: calls }, () => this.#open()));
    this.#calls += calls;
  }

  get host(): MediaHost {
    return this.#host;
  }

  /** The oldest call ends and a new one begins. */
  async replaceOne(): Promise<void> {
    await this.#closeOldest();
    await this.#open();
  }

  async closeAll(): Promise<void> {
    while (this.#legs.length > 0) await this.#closeOldest();
    this.#calls = 0;
  }

  async #closeOldest(): Promise<void> {
    const leg = this.#legs.shift();
    if (leg === undefined) return;
    this.#generator.end(leg);
    await this.#host.close(leg);
  }

  stop(): void {
    this.#host.stop();
    this.#generator.stop();
  }

  async #open(): Promise<void> {
    const leg = this.#nextLeg;
    this.#nextLeg += 1;
    this.#legs.push(leg);
    const room = Math.floor(leg / this.#options.phonesPerRoom);
    const { bridgePort, phonePort, fingerprint } = this.#generator;
    const ssrcs = Array.from({ length: speakers }, (_, speaker) => 1_000_000 + room * 10 + speaker);
    const rtpPort = await this.#host.open({
      leg,
      room: `room-${room}`,
      bridgePort,
      phonePort,
      fingerprint,
      ssrcs,
    });
    this.#generator.begin(leg, room, rtpPort, this.#options.talking);
  }
}

/** `loads`: at the beginning, and at the end of each window. */
function measured(calls: number, loads: readonly HostLoad[], generator: GeneratorReport): Measured {
  const windows = loads.slice(1);
  const [first, last] = [loads[0] as HostLoad, loads.at(-1) as HostLoad];
  const percent = (from: HostLoad, to: HostLoad): number => (to.cpu - from.cpu) / (to.at - from.at) / 10;
  const costs = windows.map((window, at) => ({
    percent: percent(loads[at] as HostLoad, window),
    isFull: (window.encodingEffort ?? 0) >= 5,
  }));
  const full = costs.filter(({ isFull }) => isFull);
  const perCallTick = (cpuPercent: number): number => rounded((cpuPercent * 10 * tickMs) / calls);
  const lateness = first.lateness.map((_, ms) =>
    windows.reduce((sum, window) => sum + (window.lateness[ms] ?? 0), 0),
  );
  return {
    calls,
    cpuPerCallTick: perCallTick(
      Math.min(...(full.length > 0 ? full : costs).map((window) => window.percent)),
    ),
    meanCpuPerCallTick: perCallTick(percent(first, last)),
    cpuPercent: rounded(percent(first, last)),
    tickP99Ms: percentileOf(lateness, 0.99),
    tickMaxMs: 1 + lateness.findLastIndex((count) => count > 0),
    ticksSkipped: windows.reduce((sum, { skipped }) => sum + skipped, 0),
    utilization: rounded(windows.reduce((sum, { utilization }) => sum + utilization, 0) / windows.length, 2),
    atFullEffort: full.length > 0,
    residentMiB: rounded(last.residentKiB / 1024),
    generator,
    generatorIsSound: generator.ownLateP99Ms <= 5 && generator.notSent === 0 && generator.cpuPercent < 70,
  };
}

/** Upper end of the millisecond in which the percentile lies. */
function percentileOf(byMs: readonly number[], part: number): number {
  const total = byMs.reduce((sum, count) => sum + count, 0);
  let seen = 0;
  return (
    1 +
    byMs.findIndex((count) => {
      seen += count;
      return seen >= total * part;
    })
  );
}
