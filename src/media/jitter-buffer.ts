import { PacketRing, RING_SIZE, type WaitingPacket } from './packet-ring.ts';
import { PlayoutDelay } from './playout-delay.ts';
import { sequenceAdd, sequenceDelta } from './sequence.ts';
import { type ArrivedPacket, Timeline } from './timeline.ts';

const TICK_MS = 20;
const MAX_PACKET_MS = 120;
/** Longest frame of Opus (RFC 6716 §2.1.4), and so of a copy. */
const MAX_FRAME_MS = 60;
/** How long concealment goes on before there is silence. */
const CONCEAL_MS = 100;
/** More surplus than this is cut at once, less is left to the listener (`takeSurplus`). */
const CUT_SURPLUS_MS = 200;
const LATE_IN_A_ROW = 25;
const loud = (): boolean => false;

/** What the listener shall play next. One object, reused by each `pull`. */
export interface Pull {
  /**
   * `frame`: decode `payload`. `lost`: conceal `ticks`; from `next`, when given, by forward error correction (it holds the lost
   * packet's copy). `silence`: the source is known to be silent. `empty`: nothing is known of the source.
   */
  kind: 'frame' | 'lost' | 'silence' | 'empty';
  /** Duration in ticks of the RTP clock. */
  ticks: number;
  payload: Buffer | undefined;
  next: Buffer | undefined;
  /** With a `frame`: packets wait too short. The listener shall make so much of what it has that it pulls 20 ms later from now on. */
  stretch: boolean;
}

export interface JitterBufferOptions {
  /** Ticks of the RTP clock in a second. */
  readonly clockRate: number;
  /** Wait for one packet more while packets get lost, so that the next one is there to repair from. */
  readonly forwardErrorCorrection?: boolean;
}

export interface JitterBufferCounters {
  received: number;
  /** Came when its time was over. */
  late: number;
  duplicate: number;
  /** Pulls answered with `lost`, for whatever reason. */
  concealed: number;
  /** Times that the listener was told to stretch what it has. */
  stretched: number;
  /** Thrown away because far too much was waiting. */
  cut: number;
  /** The source began a new numbering. */
  restarts: number;
  /** Longer than 120 ms, or of no duration. */
  malformed: number;
}

/**
 * The waiting room of one source's packets. Driven by timestamps: a jump in time between packets whose sequence numbers follow each
 * other is silence, a missing number is a loss. No clock, no I/O: the caller says when a packet came and when it wants audio.
 *
 * A packet waits for `target` (what the jitter of late demands, 15…200 ms) after the time at which the fastest packets come, and then
 * for the listener's next tick; so on a clean network it waits 15…35 ms.
 */
export class JitterBuffer {
  readonly counters: JitterBufferCounters = {
    received: 0,
    late: 0,
    duplicate: 0,
    concealed: 0,
    stretched: 0,
    cut: 0,
    restarts: 0,
    malformed: 0,
  };
  /** How long the packet pulled last had waited since it was due at the earliest. */
  bufferMs = 0;
  /** How much longer it had waited than the jitter of late asks for; negative when it was played early. */
  slackMs = 0;
  readonly #ring = new PacketRing();
  readonly #delay: PlayoutDelay;
  readonly #timeline: Timeline;
  readonly #ticksPerMs: number;
  readonly #tick: number;
  readonly #pull: Pull = { kind: 'empty', ticks: 0, payload: undefined, next: undefined, stretch: false };
  /** `waiting`: the next packet plays when it is due. `playing`: packets follow each other without a gap. */
  #state: 'idle' | 'waiting' | 'playing' = 'idle';
  #played = false;
  #nextSequence = 0;
  #highest = 0;
  /** Media time of the next sample to be pulled. */
  #position = 0;
  #stalled = 0;
  #lostRun = 0;
  #lateRun = 0;
  #packetMs = TICK_MS;
  #pauses = false;

  constructor(options: JitterBufferOptions) {
    this.#ticksPerMs = options.clockRate / 1000;
    this.#tick = TICK_MS * this.#ticksPerMs;
    this.#timeline = new Timeline(this.#ticksPerMs);
    this.#delay = new PlayoutDelay(options.forwardErrorCorrection ?? false);
  }

  /**
   * Takes a packet of `ticks` duration. The payload is kept (not copied) until it is pulled. False when it was dropped, or
   * set aside because it does not fit the stream: a second one like it proves a restart, and then both are taken.
   */
  push(sequence: number, timestamp: number, ticks: number, payload: Buffer, arrivalMs: number): boolean {
    this.counters.received += 1;
    if (!(ticks > 0 && ticks <= MAX_PACKET_MS * this.#ticksPerMs)) {
      this.counters.malformed += 1;
      return false;
    }
    const packet = { sequence, timestamp, ticks, payload, arrivalMs };
    if (this.#state === 'idle') this.#begin(sequence);
    const verdict = this.#timeline.judge(packet, this.#highest, this.#delay.estimate.minTransitMs);
    if (verdict === 'suspect') return false;
    if (verdict === 'restart') return this.#restart(packet);
    return this.#accept(packet);
  }

  /** The sender stops for a while and said so (a telephone-event, comfort noise): what follows the last packet is silence, not a loss. */
  pause(): void {
    this.#pauses = true;
  }

  /**
   * The next piece of audio. Call it while less than 20 ms are queued at the listener; `queuedTicks` is how much that is.
   * `nowMs` is on the clock of `push`'s `arrivalMs`. With 20 ms queued and more it looks ahead: then it is no sign of haste that the packet
   * has not waited long.
   */
  pull(nowMs: number, queuedTicks = 0): Pull {
    const wanted = Math.max(this.#tick - queuedTicks, 1);
    const head = this.#ring.first(this.#nextSequence);
    if (head === undefined) return this.#underrun(wanted);
    const waitedMs = this.#waited(head, wanted, nowMs);
    if (waitedMs > this.#target() + TICK_MS + CUT_SURPLUS_MS) return this.#cut(head, nowMs, queuedTicks);
    if (this.#state !== 'playing') return this.#start(head, waitedMs, wanted);
    return this.#follow(head, waitedMs, wanted, queuedTicks);
  }

  /** True when the packet that follows without a gap is there. */
  hasNext(): boolean {
    const head = this.#ring.first(this.#nextSequence);
    return this.#state === 'playing' && head !== undefined && head.sequence === this.#nextSequence;
  }

  /**
   * Milliseconds that the stream has been too far behind for a while (clock drift, a wave of jitter that has passed); else 0. The listener
   * should drop about as much audio where it is not heard. Asking clears it. `isQuiet` is asked when it matters: the audio that would be
   * shortened is a pause of the voice.
   */
  takeSurplus(isQuiet = loud): number {
    return this.#delay.takeSurplus(isQuiet);
  }

  /** Forgets the stream: another source, or another format, follows. */
  reset(): void {
    this.#ring.clear();
    this.#delay.reset();
    this.#timeline.reset();
    this.#state = 'idle';
  }

  #begin(sequence: number): void {
    this.#state = 'waiting';
    this.#pauses = false;
    this.#played = false;
    this.#nextSequence = sequence;
    this.#highest = sequence;
    this.#stalled = 0;
    this.#lateRun = 0;
  }

  #restart(packet: ArrivedPacket): boolean {
    const suspect = this.#timeline.suspect;
    this.reset();
    this.counters.restarts += 1;
    this.#begin(suspect?.sequence ?? packet.sequence);
    if (suspect) this.#accept(suspect);
    return this.#accept(packet);
  }

  #accept(packet: ArrivedPacket): boolean {
    const { sequence, ticks } = packet;
    const position = this.#timeline.place(packet);
    this.#delay.estimate.add(this.#timeline.transitMs(packet, position));
    if (this.#ring.knows(sequence)) {
      this.counters.duplicate += 1;
      return false;
    }
    if (!this.#played && sequenceDelta(sequence, this.#nextSequence) < 0) this.#nextSequence = sequence;
    const isLate = this.#isLate(sequence, position, ticks);
    const isAwaited = this.#stalled > 0 && sequence === this.#nextSequence;
    if (isLate || isAwaited) this.#delay.noteLate(this.#timeline.transitMs(packet, position));
    if (isLate) return this.#late(packet);
    this.#lateRun = 0;
    if (sequenceDelta(sequence, this.#highest) > 0) this.#highest = sequence;
    this.#makeRoom(sequence);
    this.#packetMs = ticks / this.#ticksPerMs;
    this.#pauses = false;
    this.#ring.put(sequence, position, ticks, packet.payload);
    return true;
  }

  #isLate(sequence: number, position: number, ticks: number): boolean {
    if (sequenceDelta(sequence, this.#nextSequence) < 0) return true;
    return this.#state === 'playing' && position + ticks <= this.#position;
  }

  /** Nothing but late packets: the numbering must have gone back. */
  #late(packet: ArrivedPacket): boolean {
    this.counters.late += 1;
    this.#lateRun += 1;
    return this.#lateRun >= LATE_IN_A_ROW ? this.#restart(packet) : false;
  }

  #makeRoom(sequence: number): void {
    while (sequenceDelta(sequence, this.#nextSequence) >= RING_SIZE) {
      const oldest = this.#ring.first(this.#nextSequence);
      if (oldest === undefined) {
        this.#nextSequence = sequence;
        return;
      }
      this.#drop(oldest);
    }
  }

  #drop(packet: WaitingPacket): void {
    this.#ring.take(packet);
    this.#nextSequence = sequenceAdd(packet.sequence, 1);
    this.#state = 'waiting';
    this.counters.cut += 1;
  }

  /** Far too much is waiting, after the network had stood still for example. */
  #cut(oldest: WaitingPacket, nowMs: number, queuedTicks: number): Pull {
    const wanted = Math.max(this.#tick - queuedTicks, 1);
    let head: WaitingPacket | undefined = oldest;
    while (head && this.#ring.size > 1 && this.#waited(head, wanted, nowMs) > this.#target() + TICK_MS) {
      this.#drop(head);
      head = this.#ring.first(this.#nextSequence);
    }
    return head ? this.#frame(head, this.#waited(head, wanted, nowMs)) : this.#underrun(wanted);
  }

  /** How long ago the audio needed now would have come if it were as fast as the fastest. */
  #waited(head: WaitingPacket, wanted: number, nowMs: number): number {
    const end = head.position + Math.max(head.ticks, wanted);
    return nowMs - this.#delay.estimate.minTransitMs - end / this.#ticksPerMs;
  }

  #target(): number {
    return this.#delay.targetMs(this.#packetMs);
  }

  #start(head: WaitingPacket, waitedMs: number, wanted: number): Pull {
    if (waitedMs < this.#target()) return this.#answer(this.#played ? 'silence' : 'empty', wanted);
    return this.#frame(head, waitedMs);
  }

  #follow(head: WaitingPacket, waitedMs: number, wanted: number, queuedTicks: number): Pull {
    const contiguous = head.sequence === this.#nextSequence;
    if (this.#stalled > 0 && !contiguous) {
      // What was concealed while nothing was there stood for the packets that are missing now.
      this.#position += Math.min(Math.max(head.position - this.#position, 0), this.#stalled);
      this.#delay.noteLoss();
    }
    this.#stalled = 0;
    const gap = head.position - this.#position;
    if (gap > 0 && contiguous) {
      this.#state = 'waiting';
      return this.#start(head, waitedMs, wanted);
    }
    if (gap > 0) return this.#lost(head, this.#wholePacket(gap));
    const isAhead = queuedTicks >= this.#tick;
    const stretch = !isAhead && this.#delay.shouldStretch(waitedMs, this.#target());
    if (stretch) this.counters.stretched += 1;
    else this.#delay.noteWait(waitedMs + queuedTicks / this.#ticksPerMs, this.#target());
    const pull = this.#frame(head, waitedMs);
    pull.stretch = stretch;
    return pull;
  }

  #frame(head: WaitingPacket, waitedMs: number): Pull {
    const pull = this.#answer('frame', head.ticks);
    pull.payload = head.payload;
    this.#ring.take(head);
    this.#state = 'playing';
    this.#played = true;
    this.#nextSequence = sequenceAdd(head.sequence, 1);
    this.#position = head.position + head.ticks;
    this.#stalled = 0;
    this.#lostRun = 0;
    this.#delay.noteFrame();
    this.bufferMs = Math.max(waitedMs, 0);
    this.slackMs = waitedMs - this.#target();
    return pull;
  }

  /**
   * Part of a gap that is concealed at once: up to the next border of a packet, however little is wanted, because a packet's copy
   * restores all of it or nothing.
   */
  #wholePacket(gap: number): number {
    const packet = Math.min(this.#packetMs, MAX_FRAME_MS) * this.#ticksPerMs;
    return gap % packet || packet;
  }

  /** A number is missing and a later packet is there. */
  #lost(head: WaitingPacket, ticks: number): Pull {
    this.#delay.noteLoss();
    if (this.#lostRun >= CONCEAL_MS * this.#ticksPerMs) {
      this.#state = 'waiting';
      return this.#answer('silence', ticks);
    }
    this.#lostRun += ticks;
    this.#position += ticks;
    const pull = this.#conceal(ticks);
    if (this.#position >= head.position) pull.next = head.payload;
    return pull;
  }

  /** Nothing is there: late, lost or no longer sent; nobody knows yet. */
  #underrun(wanted: number): Pull {
    if (this.#state !== 'playing') return this.#answer('empty', wanted);
    const ticks = Math.min(this.#packetMs, TICK_MS) * this.#ticksPerMs;
    if (this.#pauses) {
      this.#state = 'waiting';
      return this.#answer('silence', wanted);
    }
    // A whole packet, however little is wanted: decoders conceal those best.
    this.#stalled += ticks;
    if (this.#stalled <= CONCEAL_MS * this.#ticksPerMs) return this.#conceal(ticks);
    this.#state = 'waiting';
    return this.#answer('empty', wanted);
  }

  #conceal(ticks: number): Pull {
    this.counters.concealed += 1;
    return this.#answer('lost', ticks);
  }

  #answer(kind: Pull['kind'], ticks: number): Pull {
    this.#pull.kind = kind;
    this.#pull.ticks = ticks;
    this.#pull.payload = undefined;
    this.#pull.next = undefined;
    this.#pull.stretch = false;
    return this.#pull;
  }
}
