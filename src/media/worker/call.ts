import { type Failure, fail, failure, ok } from '../../errors.ts';
import type { AudioRate } from '../audio-codec.ts';
import { audioLevel } from '../audio-level.ts';
import { type Digit, dialableDigits } from '../dtmf-event.ts';
import type {
  BridgeAnswer,
  BridgeOffer,
  IceCandidate,
  LegStatistics,
  MediaStatistics,
  PhoneMedia,
  PlayOptions,
  Prompt,
} from '../media-engine.ts';
import type { CallEvent, WorkerResult, WorkerSettings } from '../protocol.ts';
import { TickPhase } from '../tick-phase.ts';
import { BridgeLeg } from './bridge-leg.ts';
import { CallSounds } from './call-sounds.ts';
import { type Mix, silence } from './mix.ts';
import { PhoneLeg } from './phone-leg.ts';
import type { RateMix } from './rate-mix.ts';
import type { RoomSources } from './room-sources.ts';
import { SoundFiles } from './sound-files.ts';
import type { DtlsCertificate } from './werift.ts';

export interface CallOptions {
  readonly settings: WorkerSettings;
  readonly certificate: DtlsCertificate;
  /** What the legs of the room receive together. */
  readonly room: RoomSources;
  /** Shared by the calls of a worker. */
  readonly files?: SoundFiles;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
  readonly onEvent: (event: CallEvent) => void;
  readonly onError: (error: unknown) => void;
}

/** Rate of the mix before a phone is connected. */
const defaultRate: AudioRate = 8000;
const usualDigitMs = 160;

/**
 * The two legs of a call and what passes between them in each tick. An exception, wherever it comes from, ends this call and no
 * other. Commands are not reentrant: the owner carries them out one after the other.
 */
export class Call {
  readonly #options: CallOptions;
  readonly #sounds: CallSounds;
  #phone: PhoneLeg | undefined;
  #bridge: BridgeLeg | undefined;
  /** Of the last bridge leg that ended: the end of a call wants to know what became of it. */
  #bridgeWas: LegStatistics = noLeg;
  #phase = new TickPhase();
  #voice = new Int16Array(defaultRate / 50);
  /** What the phone hears in this tick, and who made it. */
  #mix: Mix | undefined;
  #mixer: RateMix | undefined;
  #phoneMuted = false;
  #roomMuted = false;
  #digits: PhoneMedia['digits'];
  #isOver = false;

  constructor(options: CallOptions) {
    this.#options = options;
    this.#sounds = new CallSounds({
      files: options.files ?? new SoundFiles(),
      rate: defaultRate,
      onPlayed: (play, how) => options.onEvent({ name: 'played', play, how }),
    });
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
      onDigit: (digit) => this.#options.onEvent({ name: 'digit', digit, leg: 'phone' }),
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
    this.#digits = phone.digits;
    const rate = this.#rate;
    if (this.#voice.length !== rate / 50) this.#voice = new Int16Array(rate / 50);
    this.#sounds.setRate(rate);
    this.#bridge?.setRate(rate);
    void this.#holdMusic(this.#phone.holdMusic);
    return ok(null);
  }

  /** A leg that is still there is replaced once the new one has its port. */
  async connectBridge(port: number, offer: BridgeOffer): Promise<WorkerResult<BridgeAnswer>> {
    if (this.#isOver) return fail('internal', 'the call is over');
    const { settings, certificate, room, now } = this.#options;
    const opened = await BridgeLeg.open({
      settings,
      certificate,
      port,
      offer,
      room,
      onError: this.#options.onError,
      now,
      rate: this.#rate,
      onUp: () => this.#options.onEvent({ name: 'bridge-up' }),
      onDigit: (digit) => this.#roomDigit(digit),
      onDown: (why) => void this.#bridgeDown(port, why),
      guard: (work) => this.#guard(work),
    });
    if (!opened.ok) return opened;
    if (this.#isOver) {
      await opened.value.close();
      return fail('internal', 'the call is over');
    }
    const before = this.#takeBridge();
    this.#bridge = opened.value;
    const [answer] = await Promise.all([opened.value.answer(), before?.close()]);
    return ok(answer);
  }

  async closeBridge(): Promise<WorkerResult<null>> {
    await this.#takeBridge()?.close();
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

  sendDtmf(text: string, leg: 'phone' | 'room'): WorkerResult<null> {
    for (const digit of dialableDigits(text)) {
      const pressed = { digit, durationMs: usualDigitMs };
      if (leg === 'phone') this.#toPhone(pressed);
      else if (this.#bridge?.sendDigit(pressed) !== true)
        return fail('internal', 'the room cannot take digits now');
    }
    return ok(null);
  }

  async play(play: number, prompts: readonly Prompt[], options: PlayOptions): Promise<WorkerResult<null>> {
    return this.#isOver ? fail('internal', 'the call is over') : this.#sounds.play(play, prompts, options);
  }

  stopPlaying(leg: 'phone' | 'room'): WorkerResult<null> {
    this.#sounds.stop(leg);
    return ok(null);
  }

  statistics(): MediaStatistics {
    const bridge = this.#bridge?.statistics(this.#rate);
    const phone = this.#phone && { ...this.#phone.statistics(), levelDb: -audioLevel(this.#voice) };
    return {
      phone: phone ?? noLeg,
      bridge: bridge?.leg ?? this.#bridgeWas,
      sources: bridge?.sources ?? [],
    };
  }

  /**
   * 20 ms from the phone to the room. Answers by how many milliseconds these ticks shall come earlier (negative: later) from now on, so
   * that the phone's packets do not wait for them; mostly 0.
   */
  tickUplink(now: number): number {
    let shift = 0;
    this.#guard(() => {
      shift = this.#speak(now);
    });
    return shift;
  }

  /** What the bridge has sent reaches the room, before anybody in it is mixed. */
  receive(): void {
    this.#guard(() => this.#bridge?.receive());
  }

  /** 20 ms from the room to the phone, the first part: decides whom the phone hears. All calls of a room do, before the first `finishMix`. */
  chooseMix(now: number): void {
    if (!this.#isOver) this.#guard(() => this.#choose(now));
  }

  /** The second part: the mix is made, once for all that share it. */
  finishMix(): void {
    if (this.#mix !== undefined) this.#bridge?.sources.finish();
  }

  /** The last part: the room goes to the phone, and what else a call does from time to time. */
  listen(now: number): void {
    if (!this.#isOver) this.#guard(() => this.#listen(now));
  }

  /** Resolves when the ports are free. */
  async close(): Promise<void> {
    this.#isOver = true;
    this.#sounds.close();
    const [phone, bridge] = [this.#phone, this.#bridge];
    this.#phone = undefined;
    this.#bridge = undefined;
    const closed = await Promise.allSettled([phone?.close(), bridge?.close()]);
    for (const leg of closed) if (leg.status === 'rejected') this.#options.onError(leg.reason);
  }

  get #rate(): AudioRate {
    return this.#phone?.rate ?? defaultRate;
  }

  #speak(now: number): number {
    this.#phone?.receive();
    const speaks = this.#phone?.read(now, this.#voice) === true && !this.#phoneMuted;
    this.#bridge?.send(this.#sounds.toRoom(speaks ? this.#voice : undefined));
    if (this.#phone !== undefined) this.#phase.note(this.#phone.slackMs);
    return this.#phase.takeShift();
  }

  #choose(now: number): void {
    const [phone, bridge] = [this.#phone, this.#bridge];
    if (phone?.rate === undefined || bridge === undefined || !phone.hears || this.#roomMuted) return;
    const room = bridge.sources.mixAt(phone.rate, now);
    this.#mix = room.choose(bridge.hears);
    this.#mixer = room;
  }

  #listen(now: number): void {
    const [phone, chosen] = [this.#phone, this.#mix];
    this.#mix = undefined;
    this.#bridge?.tick(now);
    if (phone?.rate === undefined) return;
    const mix = chosen ?? silence(phone.rate);
    const played = this.#sounds.toPhone(mix);
    phone.send(played, played === chosen ? this.#mixer : undefined);
    phone.tick(now);
  }

  async #holdMusic(path: string | undefined): Promise<void> {
    const set = await this.#sounds.setHoldMusic(path);
    if (!set.ok && !this.#isOver) this.#options.onEvent({ name: 'hold-music-failed', why: set.error });
  }

  #roomDigit(digit: Digit): void {
    if (this.#digits !== 'info') this.#toPhone(digit);
    this.#options.onEvent({ name: 'digit', digit, leg: 'room' });
  }

  /** Tones in the audio are for phones that negotiated nothing better. */
  #toPhone(digit: Digit): void {
    const isSent = this.#phone?.sendDigit(digit) === true;
    if (!isSent && this.#digits !== 'rfc4733') this.#sounds.playDigit(digit);
  }

  /** The leg, for who ends it. */
  #takeBridge(): BridgeLeg | undefined {
    const bridge = this.#bridge;
    this.#bridge = undefined;
    if (bridge !== undefined) this.#bridgeWas = bridge.statistics(this.#rate).leg;
    return bridge;
  }

  /** The main thread frees the port when it hears of the end, so the socket is closed first. */
  async #bridgeDown(port: number, why: Failure): Promise<void> {
    if (this.#bridge?.port !== port) return;
    await this.#takeBridge()?.close().catch(this.#options.onError);
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

const noLeg = { packetsSent: 0, packetsReceived: 0, packetsLost: 0, jitterMs: 0, dropped: {} };
