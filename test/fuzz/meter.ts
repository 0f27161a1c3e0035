import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Receiver } from '../../src/sip/embedded/receiver.ts';
import type { Packet } from '../../src/sip/transport/packet.ts';

/** What one message cost, from the socket to the end of everything that was done at once. */
export interface Slow {
  readonly ms: number;
  readonly packet: Packet;
}

/** Counts the messages that reach the engine, with the time that each costs it. */
export class Meter {
  received = 0;
  total = 0;
  /** The most costly ones, dearest first. */
  readonly slowest: Slow[] = [];
  #receiver: Receiver | undefined;
  readonly #original = Receiver.prototype.receive;

  start(): void {
    const meter = this;
    const { receive } = Receiver.prototype;
    Receiver.prototype.receive = function metered(this: Receiver, packet: Packet): void {
      meter.#receiver = this;
      const ms = cost(() => receive.call(this, packet));
      meter.received += 1;
      meter.total += ms;
      if (ms > (meter.slowest.at(-1)?.ms ?? 0) || meter.slowest.length < 10) meter.#note({ ms, packet });
    };
  }

  stop(): void {
    Receiver.prototype.receive = this.#original;
  }

  /**
   * The cost of the dearest message. A garbage collection, or another process, may fall into any message, so each of the dearest
   * is given to the engine twenty times again, and its least cost counts.
   */
  dearest(): number {
    if (this.#receiver === undefined) return 0;
    const again = this.slowest.map(({ ms, packet }) => {
      const repeat = (): number => cost(() => this.#receiver?.receive({ ...packet, connection: undefined }));
      return Math.min(ms, ...Array.from({ length: 20 }, repeat));
    });
    return Math.max(0, ...again);
  }

  #note(slow: Slow): void {
    this.slowest.push({ ...slow, packet: { ...slow.packet, bytes: Buffer.from(slow.packet.bytes) } });
    this.slowest.sort((one, other) => other.ms - one.ms);
    this.slowest.length = Math.min(this.slowest.length, 10);
  }
}

function cost(act: () => void): number {
  const before = performance.now();
  act();
  return performance.now() - before;
}

/** Bytes on the heap after a full collection. */
export function heapAfterCollection(): number {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') {
    collect();
    collect();
  }
  return process.memoryUsage().heapUsed;
}
