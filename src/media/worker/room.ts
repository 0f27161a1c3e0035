import { TICK_MS, type TickClock } from '../clock.ts';
import type { Call } from './call.ts';

/**
 * The calls of one conference on this worker. Towards the phones the room is the unit that ticks, so that its calls can share work
 * within a tick; towards the bridge each call has ticks of its own, right behind its phone's packets. It ticks while it has calls.
 */
export class Room {
  readonly #clock: TickClock;
  /** And what ends their ticks towards the bridge. */
  readonly #calls = new Map<Call, () => void>();
  #leaveClock: (() => void) | undefined;

  constructor(clock: TickClock) {
    this.#clock = clock;
  }

  get isEmpty(): boolean {
    return this.#calls.size === 0;
  }

  enter(call: Call): void {
    this.#leaveClock ??= this.#clock.subscribe((now) => this.#tick(now));
    this.#calls.set(
      call,
      this.#clock.subscribe((now) => this.#tickUplink(call, now)),
    );
  }

  leave(call: Call): void {
    this.#calls.get(call)?.();
    this.#calls.delete(call);
    if (!this.isEmpty) return;
    this.#leaveClock?.();
    this.#leaveClock = undefined;
  }

  #tick(now: number): void {
    for (const call of this.#calls.keys()) call.tick(now);
  }

  #tickUplink(call: Call, now: number): void {
    const shift = call.tickUplink(now);
    const leave = this.#calls.get(call);
    if (shift === 0 || leave === undefined) return;
    const tick = (at: number): void => this.#tickUplink(call, at);
    this.#calls.set(call, this.#clock.subscribe(tick, now + TICK_MS - shift));
    leave();
  }
}
