import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { wireNow } from '../../kit/wire-clock.ts';
import { gatewayCore, pinned } from '../cores.ts';

/** A moment at which somebody else had a core. */
export interface Disturbance {
  /** Milliseconds on the machine's clock (`wireNow`). */
  readonly at: number;
  readonly lateMs: number;
}

/** Later than this is jitter that nobody asked for. */
export const disturbedMs = 12;
const periodMs = 2;

/**
 * Watches a core: a timer of 2 ms in a process of its own. One that wakes late found the core taken by what may not be displaced, which the
 * gateway, with nothing but short pieces of work, is not.
 */
export class CoreWatch {
  readonly #child: ChildProcess;
  readonly #found: Disturbance[] = [];

  static async start(): Promise<CoreWatch> {
    const command = fileURLToPath(import.meta.url);
    const watch = new CoreWatch(fork(command, { execArgv: [], ...(pinned && onCore()) }));
    await once(watch.#child, 'message');
    return watch;
  }

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', (found) => {
      if (found !== 'ready') this.#found.push(found as Disturbance);
    });
  }

  get found(): readonly Disturbance[] {
    return this.#found;
  }

  stop(): void {
    this.#child.kill();
  }
}

function onCore(): { execPath: string; execArgv: string[] } {
  return { execPath: 'taskset', execArgv: ['-c', String(gatewayCore), process.execPath] };
}

function watch(): void {
  let due = performance.now() + periodMs;
  setInterval(() => {
    const lateMs = performance.now() - due;
    if (lateMs > disturbedMs) process.send?.({ at: wireNow(), lateMs });
    due = performance.now() + periodMs;
  }, periodMs);
  process.on('disconnect', () => process.exit(0));
  process.send?.('ready');
}

if (process.send !== undefined && process.argv[1] === fileURLToPath(import.meta.url)) watch();
