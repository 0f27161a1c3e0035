import { randomInt } from 'node:crypto';

/** The bounds of the media ports, inclusive. */
export interface PortRange {
  readonly minPort: number;
  readonly maxPort: number;
}

export interface PortPair {
  readonly rtp: number;
  readonly rtcp: number;
}

export interface PortAllocatorOptions {
  /** A released port rests this long before it is chosen again: late packets of the old call must not reach a new one. */
  readonly quarantineMs?: number;
  /** A port that another program holds is left alone this long. */
  readonly foreignMs?: number;
  readonly now?: () => number;
  /** Uniform integer in [0, bound). */
  readonly random?: (bound: number) => number;
}

type PortState = 'free' | 'resting' | 'taken' | 'foreign';

/** Below this share of free ports, single ports are taken where they break no pair. */
const scarceShare = 0.25;
const probes = 8;

/**
 * Hands out the UDP ports of `--min-port` to `--max-port`: at random, so that a port cannot be guessed, even/odd pairs for RTP
 * and RTCP (RFC 3550 §11), single ports for ICE. A range that is used up answers `undefined`.
 */
export class PortAllocator {
  readonly #range: PortRange;
  readonly #quarantineMs: number;
  readonly #foreignMs: number;
  readonly #now: () => number;
  readonly #random: (bound: number) => number;
  readonly #taken = new Set<number>();
  /** Port to time of release, oldest first. */
  readonly #released = new Map<number, number>();
  readonly #foreign = new Map<number, number>();

  constructor(range: PortRange, options: PortAllocatorOptions = {}) {
    this.#range = range;
    this.#quarantineMs = options.quarantineMs ?? 30_000;
    this.#foreignMs = options.foreignMs ?? 10_000;
    this.#now = options.now ?? Date.now;
    this.#random = options.random ?? ((bound) => randomInt(bound));
  }

  /** Ports that are handed out now. */
  get inUse(): number {
    return this.#taken.size;
  }

  takePair(): PortPair | undefined {
    this.#forgetOld();
    const rtp = this.#choose((port) => this.#pairState(port));
    if (rtp === undefined) return undefined;
    this.#take(rtp);
    this.#take(rtp + 1);
    return { rtp, rtcp: rtp + 1 };
  }

  takeOne(): number | undefined {
    this.#forgetOld();
    const port = (this.#isScarce() ? this.#lonePort() : undefined) ?? this.#choose((one) => this.#state(one));
    if (port !== undefined) this.#take(port);
    return port;
  }

  release(...ports: readonly number[]): void {
    for (const port of ports) {
      if (this.#taken.delete(port)) this.#released.set(port, this.#now());
    }
  }

  /** The port could not be bound because another program has it; the caller takes another one. */
  markForeign(port: number): void {
    this.#taken.delete(port);
    this.#released.delete(port);
    this.#foreign.set(port, this.#now());
  }

  #take(port: number): void {
    this.#released.delete(port);
    this.#taken.add(port);
  }

  /** Both maps are in order of time, so the loops stop at the first young entry. */
  #forgetOld(): void {
    const now = this.#now();
    for (const [port, since] of this.#released) {
      if (now - since < this.#quarantineMs) break;
      this.#released.delete(port);
    }
    for (const [port, since] of this.#foreign) {
      if (now - since < this.#foreignMs) break;
      this.#foreign.delete(port);
    }
  }

  #isScarce(): boolean {
    const size = this.#range.maxPort - this.#range.minPort + 1;
    return size - this.#taken.size - this.#released.size - this.#foreign.size < size * scarceShare;
  }

  #state(port: number): PortState {
    if (port < this.#range.minPort || port > this.#range.maxPort) return 'taken';
    if (this.#taken.has(port)) return 'taken';
    if (this.#foreign.has(port)) return 'foreign';
    return this.#released.has(port) ? 'resting' : 'free';
  }

  /** State of the pair that begins at `port`: that of its worse half. */
  #pairState(port: number): PortState {
    if (port % 2 !== 0) return 'taken';
    const halves = [this.#state(port), this.#state(port + 1)];
    if (halves.every((half) => half === 'free')) return 'free';
    return halves.every((half) => half === 'free' || half === 'resting') ? 'resting' : 'taken';
  }

  /** A free port whose other half is not to be had. */
  #lonePort(): number | undefined {
    return this.#pick((port) =>
      this.#state(port) === 'free' && this.#pairState(port - (port % 2)) === 'taken' ? 'free' : 'taken',
    );
  }

  #choose(state: (port: number) => PortState): number | undefined {
    const size = this.#range.maxPort - this.#range.minPort + 1;
    for (let probe = 0; probe < probes; probe += 1) {
      const port = this.#range.minPort + this.#random(size);
      if (state(port) === 'free') return port;
    }
    return this.#pick(state) ?? this.#longestReleased(state);
  }

  #pick(state: (port: number) => PortState): number | undefined {
    const free: number[] = [];
    for (let port = this.#range.minPort; port <= this.#range.maxPort; port += 1) {
      if (state(port) === 'free') free.push(port);
    }
    return free.length === 0 ? undefined : free[this.#random(free.length)];
  }

  /** A small range reuses early rather than refusing a call. */
  #longestReleased(state: (port: number) => PortState): number | undefined {
    for (const port of this.#released.keys()) {
      if (state(port) === 'resting') return port;
      if (state(port - 1) === 'resting') return port - 1;
    }
    return undefined;
  }
}
