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
  /** At once, but behind what else the thread has to do. */
  setImmediate(run: () => void): unknown;
  /** Takes back what `setTimer` or `setImmediate` answered. */
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

/** In a slot the mixes of all rooms come first and then the voices of all phones: the processor finds its instructions in the cache. */
export type TickKind = 'room' | 'phone';

interface Subscriber {
  readonly kind: TickKind;
  readonly slot: number;
  readonly tick: (scheduledMs: number) => void;
  /** Number of the slot in which it ticks first, counted from the origin. */
  readonly first: number;
}

type Slot = Readonly<Record<TickKind, Set<Subscriber>>>;

/**
 * The one 20 ms clock of a worker. Ticks are counted from the start, so it does not drift as setInterval does; each subscriber ticks in
 * one of ten slots of 2 ms, the least used when it came. After a stall up to five ticks are made up for, the rest are skipped and counted.
 * Before ticks run, `beforeTicks` brings what they are to work on: so a thread that comes late does not take what waits for it for lost.
 */
export class TickClock {
  readonly #time: TimeSource;
  readonly #onError: (error: unknown) => void;
  readonly #slots: Slot[] = Array.from({ length: SLOTS }, () => ({ room: new Set(), phone: new Set() }));
  readonly #lateness = new Uint32Array(LATENESS_BUCKETS + 1);
  #timer: unknown;
  #origin = 0;
  /** Number of the next slot, counted from the origin. */
  #next = 0;
  #subscribers = 0;
  #maxMs = 0;
  #ticks = 0;
  #skipped = 0;
  readonly #beforeTicks: () => void;
  /** Wakes in every slot, though no tick may be due. */
  isHurried = false;

  /** `onError` gets what a subscriber throws; the others tick on. */
  constructor(
    onError: (error: unknown) => void,
    time: TimeSource = processTime,
    beforeTicks: () => void = () => {},
  ) {
    this.#time = time;
    this.#beforeTicks = beforeTicks;
    this.#onError = onError;
  }

  /**
   * Calls `tick` every 20 ms with the time at which it was due, until the answered function is called; for the first time in
   * the slot due at or right before `from`, when that is given.
   */
  subscribe(kind: TickKind, tick: (scheduledMs: number) => void, from?: number): () => void {
    const first = from === undefined || this.#subscribers === 0 ? 0 : this.#slotDueAt(from);
    const slot = first > 0 ? first % SLOTS : this.#leastUsedSlot();
    const subscriber = { kind, slot, tick, first };
    this.#slots[slot]?.[kind].add(subscriber);
    this.#subscribers += 1;
    if (this.#subscribers === 1) this.#begin();
    return () => this.#unsubscribe(subscriber);
  }

  /** How late the next tick is by now, ms; negative: it is not due yet, or there is none. */
  get lateMs(): number {
    return this.#subscribers > 0 ? this.#time.now() - this.#nextDue : -1;
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
    for (const slot of this.#slots) {
      slot.room.clear();
      slot.phone.clear();
    }
    this.#subscribers = 0;
    this.#disarm();
  }

  #begin(): void {
    this.#origin = this.#time.now();
    this.#next = 0;
    this.#arm();
  }

  #unsubscribe(subscriber: Subscriber): void {
    if (!this.#slots[subscriber.slot]?.[subscriber.kind].delete(subscriber)) return;
    this.#subscribers -= 1;
    if (this.#subscribers === 0) this.#disarm();
  }

  get #nextDue(): number {
    return this.#origin + this.#next * SLOT_MS;
  }

  #arm(): void {
    const wait = Math.ceil(this.#nextDue - this.#time.now());
    const run = (): void => this.#run();
    this.#timer = wait > 0 ? this.#time.setTimer(run, wait) : this.#time.setImmediate(run);
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.#time.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  #run(): void {
    this.#timer = undefined;
    this.#skipStale();
    // What falls due meanwhile waits for the next run: a thread that is always late would do nothing but ticks, and read nothing.
    const begun = this.#time.now();
    while (this.#subscribers > 0 && this.#nextDue <= begun) {
      this.#prepare();
      const slot = this.#slots[this.#next % SLOTS] as Slot;
      const lateMs = this.#time.now() - this.#nextDue;
      this.#runAll(slot.room, lateMs);
      this.#runAll(slot.phone, lateMs);
      this.#next += 1;
      this.#passEmptySlots();
    }
    if (this.#subscribers > 0) this.#arm();
  }

  #prepare(): void {
    try {
      this.#beforeTicks();
    } catch (error) {
      this.#onError(error);
    }
  }

  #runAll(subscribers: Set<Subscriber>, lateMs: number): void {
    const due = this.#nextDue;
    for (const subscriber of subscribers) {
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
    if (this.isHurried) return;
    for (let passed = 0; passed < SLOTS && this.#used(this.#next % SLOTS) === 0; passed++) this.#next += 1;
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
      if (this.#used(slot) < this.#used(least)) least = slot;
    }
    return least;
  }

  #used(slot: number): number {
    const { room, phone } = this.#slots[slot] as Slot;
    return room.size + phone.size;
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
  setImmediate: (run) => setImmediate(run),
  clearTimer: (timer) => {
    clearTimeout(timer as NodeJS.Timeout);
    clearImmediate(timer as NodeJS.Immediate);
  },
};
