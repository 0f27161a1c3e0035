/** Length of a tick, and how many slots its work is spread over. */
export const TICK_MS = 20;
const SLOTS = 10;
const SLOT_MS = TICK_MS / SLOTS;
/** Ticks that are made up for after a stall; what is older is skipped. */
const MAX_CATCH_UP = 5;
const LATENESS_BUCKETS = 200;

/** Time and timers from outside; by default those of the process. `now` is in ms and never goes back. */
export interface TimeSource {
  now(): number;
  setTimer(run: () => void, ms: number): unknown;
  clearTimer(timer: unknown): void;
}

export interface TickLateness {
  /** Ticks run since the last question. */
  readonly ticks: number;
  /** How late they began. */
  readonly maxMs: number;
  readonly p99Ms: number;
  /** Ticks never run because the thread stood still. */
  readonly skipped: number;
  /** Ticks by whole milliseconds of lateness; the last entry is of 200 and more. */
  readonly byMs: Uint32Array;
}

interface Subscriber {
  readonly slot: number;
  readonly tick: (scheduledMs: number) => void;
  /** Number of the slot in which it ticks first, counted from the origin. */
  readonly first: number;
}

/**
 * The one 20 ms clock of a worker. Ticks are counted from the start, so it does not drift as setInterval does; each subscriber ticks in
 * one of ten slots of 2 ms, the least used when it came. After a stall up to five ticks are made up for, the rest are skipped and counted.
 */
export class TickClock {
  readonly #time: TimeSource;
  readonly #onError: (error: unknown) => void;
  readonly #slots: Set<Subscriber>[] = Array.from({ length: SLOTS }, () => new Set());
  readonly #lateness = new Uint32Array(LATENESS_BUCKETS + 1);
  #timer: unknown;
  #origin = 0;
  /** Number of the next slot, counted from the origin. */
  #next = 0;
  #subscribers = 0;
  #maxMs = 0;
  #ticks = 0;
  #skipped = 0;

  /** `onError` gets what a subscriber throws; the others tick on. */
  constructor(onError: (error: unknown) => void, time: TimeSource = processTime) {
    this.#time = time;
    this.#onError = onError;
  }

  /**
   * Calls `tick` every 20 ms with the time at which it was due, until the answered function is called; for the first time in
   * the slot due at or right before `from`, when that is given.
   */
  subscribe(tick: (scheduledMs: number) => void, from?: number): () => void {
    const first = from === undefined || this.#subscribers === 0 ? 0 : this.#slotDueAt(from);
    const slot = first > 0 ? first % SLOTS : this.#leastUsedSlot();
    const subscriber = { slot, tick, first };
    this.#slots[slot]?.add(subscriber);
    this.#subscribers += 1;
    if (this.#subscribers === 1) this.#begin();
    return () => this.#unsubscribe(subscriber);
  }

  /** Numbers since the last call. */
  takeLateness(): TickLateness {
    const lateness = {
      ticks: this.#ticks,
      maxMs: this.#maxMs,
      p99Ms: this.#percentile(0.99),
      skipped: this.#skipped,
      byMs: this.#lateness.slice(),
    };
    this.#lateness.fill(0);
    this.#maxMs = 0;
    this.#ticks = 0;
    this.#skipped = 0;
    return lateness;
  }

  /** No tick after this. */
  stop(): void {
    for (const slot of this.#slots) slot.clear();
    this.#subscribers = 0;
    this.#disarm();
  }

  #begin(): void {
    this.#origin = this.#time.now();
    this.#next = 0;
    this.#arm();
  }

  #unsubscribe(subscriber: Subscriber): void {
    if (!this.#slots[subscriber.slot]?.delete(subscriber)) return;
    this.#subscribers -= 1;
    if (this.#subscribers === 0) this.#disarm();
  }

  #arm(): void {
    const due = this.#origin + this.#next * SLOT_MS;
    const wait = Math.max(0, Math.ceil(due - this.#time.now()));
    this.#timer = this.#time.setTimer(() => this.#run(), wait);
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.#time.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  #run(): void {
    this.#timer = undefined;
    this.#skipStale();
    while (this.#subscribers > 0) {
      const due = this.#origin + this.#next * SLOT_MS;
      const now = this.#time.now();
      if (due > now) break;
      this.#runSlot(this.#next % SLOTS, due, now - due);
      this.#next += 1;
      this.#passEmptySlots();
    }
    if (this.#subscribers > 0) this.#arm();
  }

  #runSlot(slot: number, due: number, lateMs: number): void {
    for (const subscriber of this.#slots[slot] ?? []) {
      if (this.#next < subscriber.first) continue;
      this.#note(lateMs);
      try {
        subscriber.tick(due);
      } catch (error) {
        this.#onError(error);
      }
    }
  }

  /** Wakes only where there is work. */
  #passEmptySlots(): void {
    for (let passed = 0; passed < SLOTS && this.#slots[this.#next % SLOTS]?.size === 0; passed++)
      this.#next += 1;
  }

  #skipStale(): void {
    const behind = (this.#time.now() - this.#origin) / SLOT_MS - this.#next;
    const stale = Math.floor(behind / SLOTS) - MAX_CATCH_UP;
    if (stale <= 0) return;
    this.#next += stale * SLOTS;
    this.#skipped += stale * this.#subscribers;
  }

  #slotDueAt(time: number): number {
    // A due time is no exact multiple in floating point.
    return Math.max(0, Math.floor((time - this.#origin) / SLOT_MS + 1e-6));
  }

  #leastUsedSlot(): number {
    let least = 0;
    for (let slot = 1; slot < SLOTS; slot++) {
      if ((this.#slots[slot]?.size ?? 0) < (this.#slots[least]?.size ?? 0)) least = slot;
    }
    return least;
  }

  #note(lateMs: number): void {
    this.#ticks += 1;
    if (lateMs > this.#maxMs) this.#maxMs = lateMs;
    const bucket = Math.min(Math.floor(lateMs), LATENESS_BUCKETS);
    this.#lateness[bucket] = (this.#lateness[bucket] as number) + 1;
  }

  /** Upper end of the millisecond in which the percentile lies. */
  #percentile(part: number): number {
    if (this.#ticks === 0) return 0;
    let rest = this.#ticks * part;
    for (let bucket = 0; bucket < LATENESS_BUCKETS; bucket++) {
      rest -= this.#lateness[bucket] as number;
      if (rest <= 0) return Math.min(bucket + 1, this.#maxMs);
    }
    return this.#maxMs;
  }
}

const processTime: TimeSource = {
  now: () => performance.now(),
  setTimer: (run, ms) => setTimeout(run, ms).unref(),
  clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout),
};
