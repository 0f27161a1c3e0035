import { EventEmitter } from 'node:events';
import { type Failure, fail, failure, type Result } from '../errors.ts';
import { callEnded, callProgress, callReplaced } from '../events.ts';
import type { Log } from '../log.ts';
import type { SipCall } from '../sip/engine.ts';
import {
  type CallEvent,
  type CallState,
  type Effect,
  initialState,
  step,
  type TimerName,
  timersOf,
} from './call-state.ts';
import type { PhoneLeg } from './phone-leg.ts';
import type { RoomLeg } from './room-leg.ts';

/** Milliseconds of each timer of the call state. */
export type TimerLengths = Readonly<Record<TimerName, number>>;

/** Answers the dial IQ of an outgoing call. */
export interface DialReply {
  accept(occupantJid: string): void;
  refuse(why: Failure): void;
}

export interface CallParts {
  readonly id: string;
  readonly direction: 'in' | 'out';
  readonly room: string;
  readonly phone: PhoneLeg;
  readonly roomLeg: RoomLeg;
  readonly dial: DialReply | undefined;
  /** For an outgoing call: is the one who asked in the room? Looked at once, right after the join. */
  readonly diallerPresent: () => boolean;
  readonly timers: TimerLengths;
  readonly closeMedia: () => Promise<void>;
  readonly log: Log;
}

/**
 * Runs one call: feeds what happens on the legs into the pure call state, carries out the effects and keeps the wanted timers
 * running. It decides nothing itself.
 */
export class Call extends EventEmitter<{ finished: [why: Failure] }> {
  readonly id: string;
  readonly direction: 'in' | 'out';
  readonly room: string;
  readonly #parts: CallParts;
  readonly #queue: CallEvent[] = [];
  readonly #running = new Map<TimerName, NodeJS.Timeout>();
  #state: CallState;
  #busy = false;
  #mediaClosed: Promise<void> | undefined;

  constructor(parts: CallParts) {
    super();
    this.#parts = parts;
    this.id = parts.id;
    this.direction = parts.direction;
    this.room = parts.room;
    this.#state = initialState(parts.direction, parts.phone.takesEarlyMedia);
    parts.phone.onEvent = (event) => this.dispatch(event);
    parts.roomLeg.onEvent = (event) => this.dispatch(this.#withDialler(event));
  }

  get state(): CallState {
    return this.#state;
  }

  start(): void {
    this.#parts.roomLeg.setStatus('Initializing Call');
    this.#parts.roomLeg.join();
  }

  /** Is this the dialog of its phone? */
  isOn(sip: SipCall): boolean {
    return this.#parts.phone.isOn(sip);
  }

  /** Lets another dialog take the place of the phone's one. A failure is the reason to refuse it. */
  async takeOver(sip: SipCall): Promise<Result<void>> {
    if (this.#state.end !== undefined) return fail('hangup', 'the call is ending');
    const taken = await this.#parts.phone.takeOver(sip);
    if (taken.ok) callReplaced(this.#parts.log, { peer: sip.remote.uri, sipCallId: sip.callId });
    return taken;
  }

  /** Ends the call from outside: shutdown, or a part that broke. */
  end(why: Failure): void {
    this.dispatch({ type: 'end', why });
  }

  /** Events that arrive while an effect runs wait for their turn, so that every step sees a whole state. */
  dispatch(event: CallEvent): void {
    this.#queue.push(event);
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift())
        this.#advance(next);
    } finally {
      this.#busy = false;
    }
  }

  #advance(event: CallEvent): void {
    const { state, effects } = step(this.#state, event);
    const before = this.#state;
    this.#state = state;
    callProgress(this.#parts.log, event, before, state);
    for (const effect of effects) this.#carryOut(effect);
    this.#setTimers();
  }

  /** A broken effect is a bug of ours: it ends this call and no other. */
  #carryOut(effect: Effect): void {
    try {
      this.#perform(effect);
    } catch (error) {
      this.#parts.log.error({ event: 'call-bug', effect: effect.type, err: error }, 'an effect failed');
      this.#queue.push({ type: 'end', why: failure('internal', String(error)) });
    }
  }

  #perform(effect: Effect): void {
    const { phone, roomLeg, dial } = this.#parts;
    switch (effect.type) {
      case 'answer-phone':
        phone.answer();
        break;
      case 'early-phone':
        phone.early();
        break;
      case 'invite-phone':
        phone.invite();
        break;
      case 'end-phone':
        phone.end(effect.why);
        break;
      case 'connect-bridge':
        roomLeg.connect(effect.offer);
        break;
      case 'accept-session':
        roomLeg.accept(effect.sid, effect.answer);
        break;
      case 'end-session':
        roomLeg.endSession(effect.sid, effect.why, effect.restart);
        break;
      case 'close-bridge':
        roomLeg.closeBridge();
        break;
      case 'status':
        roomLeg.setStatus(effect.text);
        break;
      case 'leave-room':
        roomLeg.leave(effect.status);
        break;
      case 'accept-dial':
        dial?.accept(roomLeg.occupantJid);
        break;
      case 'refuse-dial':
        dial?.refuse(effect.why);
        break;
      case 'prompt':
        void phone.say(effect.prompt);
        break;
      case 'hush':
        phone.hush();
        break;
      case 'last-words':
        void phone.say(effect.prompt, 'replace').then(() => this.dispatch({ type: 'words-over' }));
        break;
      case 'close-media':
        this.#closeMedia();
        break;
      case 'finished':
        this.#finish(effect.why);
        break;
    }
  }

  #closeMedia(): void {
    this.#mediaClosed ??= this.#parts.closeMedia().catch((error: unknown) => {
      this.#parts.log.error({ event: 'call-bug', err: error }, 'media did not close');
    });
  }

  #finish(why: Failure): void {
    for (const timer of this.#running.values()) clearTimeout(timer);
    this.#running.clear();
    callEnded(this.#parts.log, why);
    void (this.#mediaClosed ?? Promise.resolve()).then(() => this.emit('finished', why));
  }

  #setTimers(): void {
    const wanted = timersOf(this.#state);
    for (const [name, timer] of this.#running) {
      if (wanted.includes(name)) continue;
      clearTimeout(timer);
      this.#running.delete(name);
    }
    for (const name of wanted) {
      if (this.#running.has(name)) continue;
      this.#running.set(
        name,
        setTimeout(() => this.#fire(name), this.#parts.timers[name]),
      );
    }
  }

  #fire(name: TimerName): void {
    this.#running.delete(name);
    this.dispatch({ type: 'timer', name });
  }

  #withDialler(event: CallEvent): CallEvent {
    return event.type === 'joined' ? { ...event, diallerPresent: this.#parts.diallerPresent() } : event;
  }
}
