import { type ProcessLoad, processLoad } from '../kit/process-load.ts';
import { CoreWatch, gatewayCore, generatorCore } from './cores.ts';
import { rounded } from './percentiles.ts';

/** How busy the load generator was. What it is late itself stands in the figures of the gateway. */
export interface GeneratorLoad {
  /** Lateness of its event loops, milliseconds: the phones and the focus; the bridge. */
  readonly phones: LoopDelay;
  readonly bridge: LoopDelay;
  /** CPU of each, percent of a core. */
  readonly phonesCpu: number;
  readonly bridgeCpu: number;
  /** Busy part of each core by all processes of the machine, percent. */
  readonly generatorCoreBusy: number;
  readonly gatewayCoreBusy: number;
}

interface LoopDelay {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface LoadedBridge {
  load(): Promise<ProcessLoad>;
}

export class GeneratorWatch {
  readonly #bridge: LoadedBridge;
  readonly #cores: CoreWatch;
  #phones: ProcessLoad;
  #atBridge: ProcessLoad;

  static async start(bridge: LoadedBridge): Promise<GeneratorWatch> {
    return new GeneratorWatch(bridge, processLoad(), await bridge.load());
  }

  private constructor(bridge: LoadedBridge, phones: ProcessLoad, atBridge: ProcessLoad) {
    this.#bridge = bridge;
    this.#phones = phones;
    this.#atBridge = atBridge;
    this.#cores = new CoreWatch();
  }

  /** Since the start, or since the last question. */
  async take(): Promise<GeneratorLoad> {
    const [phones, atBridge] = [processLoad(), await this.#bridge.load()];
    const busy = this.#cores.take();
    const load = {
      phones: roundedDelay(phones),
      bridge: roundedDelay(atBridge),
      phonesCpu: cpuPercent(this.#phones, phones),
      bridgeCpu: cpuPercent(this.#atBridge, atBridge),
      generatorCoreBusy: busy[generatorCore] ?? 0,
      gatewayCoreBusy: busy[gatewayCore] ?? 0,
    };
    this.#phones = phones;
    this.#atBridge = atBridge;
    return load;
  }
}

function cpuPercent(before: ProcessLoad, after: ProcessLoad): number {
  return rounded((100_000 * (after.cpuSeconds - before.cpuSeconds)) / Math.max(1, after.now - before.now));
}

function roundedDelay({ loopDelay }: ProcessLoad): LoopDelay {
  return { p50: rounded(loopDelay.p50), p99: rounded(loopDelay.p99), max: rounded(loopDelay.max) };
}
