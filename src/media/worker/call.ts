import { type Failure, fail, failure, ok } from '../../errors.ts';
import type { AudioRate } from '../audio-codec.ts';
import type {
  BridgeAnswer,
  BridgeOffer,
  IceCandidate,
  MediaStatistics,
  PhoneMedia,
} from '../media-engine.ts';
import type { CallEvent, WorkerResult, WorkerSettings } from '../protocol.ts';
import { TickPhase } from '../tick-phase.ts';
import { BridgeLeg } from './bridge-leg.ts';
import { PhoneLeg } from './phone-leg.ts';
import type { DtlsCertificate } from './werift.ts';

export interface CallOptions {
  readonly settings: WorkerSettings;
  readonly certificate: DtlsCertificate;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
  readonly onEvent: (event: CallEvent) => void;
  readonly onError: (error: unknown) => void;
}

/** Rate of the mix before a phone is connected. */
const defaultRate: AudioRate = 8000;

/**
 * The two legs of a call and what passes between them in each tick. An exception, wherever it comes from, ends this call and no
 * other. Commands are not reentrant: the owner carries them out one after the other.
 */
export class Call {
  readonly #options: CallOptions;
  #phone: PhoneLeg | undefined;
  #bridge: BridgeLeg | undefined;
  #frames = framesOf(defaultRate);
  #phase = new TickPhase();
  #phoneMuted = false;
  #roomMuted = false;
  #isOver = false;

  constructor(options: CallOptions) {
    this.#options = options;
  }

  async bindPhone(rtpPort: number, rtcpPort: number): Promise<WorkerResult<null>> {
    if (this.#isOver) return fail('internal', 'the call is over');
    if (this.#phone !== undefined) return ok(null);
    const bound = await PhoneLeg.bind({
      address: this.#options.settings.address,
      rtpPort,
      rtcpPort,
      now: this.#options.now,
      onHeard: () => this.#options.onEvent({ name: 'phone-heard' }),
      onSilent: () => this.#options.onEvent({ name: 'phone-silent' }),
      guard: (work) => this.#guard(work),
    });
    if (!bound.ok) return bound;
    this.#phone = bound.value;
    return ok(null);
  }

  connectPhone(phone: PhoneMedia): WorkerResult<null> {
    if (this.#phone === undefined) return fail('internal', 'openPhone comes before connectPhone');
    this.#phone.connect(phone);
    this.#phase = new TickPhase();
    const rate = this.#rate;
    if (this.#frames.rate !== rate) this.#frames = framesOf(rate);
    this.#bridge?.setRate(rate);
    return ok(null);
  }

  /** A leg that is still there is replaced once the new one has its port. */
  async connectBridge(port: number, offer: BridgeOffer): Promise<WorkerResult<BridgeAnswer>> {
    if (this.#isOver) return fail('internal', 'the call is over');
    const { settings, certificate, now } = this.#options;
    const opened = await BridgeLeg.open({
      settings,
      certificate,
      port,
      offer,
      now,
      rate: this.#rate,
      onUp: () => this.#options.onEvent({ name: 'bridge-up' }),
      onDown: (why) => void this.#bridgeDown(port, why),
      guard: (work) => this.#guard(work),
    });
    if (!opened.ok) return opened;
    const before = this.#bridge;
    this.#bridge = opened.value;
    const [answer] = await Promise.all([opened.value.answer(), before?.close()]);
    return ok(answer);
  }

  async closeBridge(): Promise<WorkerResult<null>> {
    const bridge = this.#bridge;
    this.#bridge = undefined;
    await bridge?.close();
    return ok(null);
  }

  addSources(ssrcs: readonly number[]): WorkerResult<null> {
    this.#bridge?.addSources(ssrcs);
    return ok(null);
  }

  removeSources(ssrcs: readonly number[]): WorkerResult<null> {
    this.#bridge?.removeSources(ssrcs);
    return ok(null);
  }

  addCandidates(candidates: readonly IceCandidate[]): WorkerResult<null> {
    this.#bridge?.addCandidates(candidates);
    return ok(null);
  }

  mute(leg: 'phone' | 'room', on: boolean): WorkerResult<null> {
    if (leg === 'phone') this.#phoneMuted = on;
    else this.#roomMuted = on;
    return ok(null);
  }

  statistics(): MediaStatistics {
    const bridge = this.#bridge?.statistics();
    return {
      phone: this.#phone?.statistics() ?? noLeg,
      bridge: bridge?.leg ?? noLeg,
      sources: bridge?.sources ?? [],
    };
  }

  /** 20 ms from the room to the phone, and what else a call does from time to time. */
  tick(now: number): void {
    if (!this.#isOver) this.#guard(() => this.#passDown(now));
  }

  /**
   * 20 ms from the phone to the room. Answers by how many milliseconds these ticks shall come earlier (negative: later) from now on, so
   * that the phone's packets do not wait for them; mostly 0.
   */
  tickUplink(now: number): number {
    let shift = 0;
    this.#guard(() => {
      shift = this.#passUp(now);
    });
    return shift;
  }

  /** Resolves when the ports are free. */
  async close(): Promise<void> {
    this.#isOver = true;
    const [phone, bridge] = [this.#phone, this.#bridge];
    this.#phone = undefined;
    this.#bridge = undefined;
    const closed = await Promise.allSettled([phone?.close(), bridge?.close()]);
    for (const leg of closed) if (leg.status === 'rejected') this.#options.onError(leg.reason);
  }

  get #rate(): AudioRate {
    return this.#phone?.rate ?? defaultRate;
  }

  #passUp(now: number): number {
    const { voice } = this.#frames;
    const speaks = this.#phone?.read(now, voice) === true && !this.#phoneMuted;
    this.#bridge?.send(speaks ? voice : undefined);
    if (this.#phone !== undefined) this.#phase.note(this.#phone.slackMs);
    return this.#phase.takeShift();
  }

  #passDown(now: number): void {
    const { mix, silence } = this.#frames;
    const [phone, bridge] = [this.#phone, this.#bridge];
    bridge?.tick(now);
    if (phone?.rate === undefined) return;
    const hears = phone.hears && !this.#roomMuted && bridge?.mix(now, mix) === true;
    phone.send(hears ? mix : silence);
    phone.tick(now);
  }

  /** The main thread frees the port when it hears of the end, so the socket is closed first. */
  async #bridgeDown(port: number, why: Failure): Promise<void> {
    const bridge = this.#bridge;
    if (bridge?.port !== port) return;
    this.#bridge = undefined;
    await bridge.close().catch(this.#options.onError);
    this.#options.onEvent({ name: 'bridge-down', port, why });
  }

  #guard(work: () => void): void {
    if (this.#isOver) return;
    try {
      work();
    } catch (error) {
      void this.#break(error);
    }
  }

  async #break(error: unknown): Promise<void> {
    this.#options.onError(error);
    await this.close();
    this.#options.onEvent({
      name: 'failed',
      why: failure('internal', 'an exception in the media of this call'),
    });
  }
}

function framesOf(rate: AudioRate) {
  const frame = () => new Int16Array(rate / 50);
  return { rate, voice: frame(), mix: frame(), silence: frame() };
}

const noLeg = { packetsSent: 0, packetsReceived: 0, packetsLost: 0, jitterMs: 0, dropped: {} };
