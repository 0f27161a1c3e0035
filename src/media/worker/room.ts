import type { TickClock } from '../clock.ts';
import type { Call } from './call.ts';

/**
 * The calls of one conference on this worker. The room is the unit that ticks, so that its calls can share work within a tick;
 * it ticks while it has calls.
 */
export class Room {
  readonly #clock: TickClock;
  readonly #calls = new Set<Call>();
  #leaveClock: (() => void) | undefined;

  constructor(clock: TickClock) {
    this.#clock = clock;
  }

  get isEmpty(): boolean {
    return this.#calls.size === 0;
  }

  enter(call: Call): void {
    this.#calls.add(call);
    this.#leaveClock ??= this.#clock.subscribe((now) => this.#tick(now));
  }

  leave(call: Call): void {
    this.#calls.delete(call);
    if (!this.isEmpty) return;
    this.#leaveClock?.();
    this.#leaveClock = undefined;
  }

  #tick(now: number): void {
    for (const call of this.#calls) call.tick(now);
  }
}
