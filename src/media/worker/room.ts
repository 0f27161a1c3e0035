import { TICK_MS, type TickClock } from '../clock.ts';
import type { Call } from './call.ts';
import { RoomSources } from './room-sources.ts';

/**
 * The calls of one conference on this worker. Towards the phones the room is the unit that ticks: what its calls receive is ordered,
 * decoded, mixed and coded once for all of them. Towards the bridge each call has ticks of its own, right behind its phone's packets.
 */
export class Room {
  readonly sources: RoomSources;
  readonly #clock: TickClock;
  /** And what ends their ticks towards the bridge. */
  readonly #calls = new Map<Call, () => void>();
  #leaveClock: (() => void) | undefined;

  /** `onError` gets what the shared part of the work throws. */
  constructor(clock: TickClock, onError: (error: unknown) => void) {
    this.#clock = clock;
    this.sources = new RoomSources(onError);
  }

  get isEmpty(): boolean {
    return this.#calls.size === 0;
  }

  enter(call: Call): void {
    this.#leaveClock ??= this.#clock.subscribe('room', (now) => this.tick(now));
    this.#calls.set(
      call,
      this.#clock.subscribe('phone', (now) => this.#tickUplink(call, now)),
    );
  }

  leave(call: Call): void {
    this.#calls.get(call)?.();
    this.#calls.delete(call);
    if (!this.isEmpty) return;
    this.#leaveClock?.();
    this.#leaveClock = undefined;
    this.sources.close();
  }

  /** 20 ms from the room to its phones. */
  tick(now: number): void {
    for (const call of this.#calls.keys()) call.receive();
    for (const call of this.#calls.keys()) call.chooseMix(now);
    for (const call of this.#calls.keys()) call.finishMix();
    for (const call of this.#calls.keys()) call.listen(now);
    this.sources.tick(now);
  }

  #tickUplink(call: Call, now: number): void {
    const shift = call.tickUplink(now);
    const leave = shift === 0 ? undefined : this.#calls.get(call);
    if (leave === undefined) return;
    const tick = (at: number): void => this.#tickUplink(call, at);
    this.#calls.set(call, this.#clock.subscribe('phone', tick, now + TICK_MS - shift));
    leave();
  }
}
