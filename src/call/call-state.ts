import { endings, type Failure, failure } from '../errors.ts';
import type { JingleAnswer, JingleOffer } from '../xmpp/xmpp-side.ts';
import { lastWords, type PromptName } from './prompt-names.ts';

/**
 * The life of a call as a pure function. The two legs live and die separately: the room leg may go and come back while the
 * phone stays on the line; when the phone's dialog ends, the call ends. No sockets, no timers, no clock in here: which timers
 * ought to run follows from the state (`timersOf`), and what ought to be done comes out as effects.
 */
export interface CallState {
  readonly direction: 'in' | 'out';
  /** `idle`: outgoing, not yet invited. `ringing`: not answered. */
  readonly phone: 'idle' | 'ringing' | 'answered' | 'gone';
  readonly room: 'joining' | 'joined' | 'interrupted' | 'gone';
  /** Others in the room, without the focus. */
  readonly others: number;
  /** The Jingle session; undefined while the focus has not invited us. */
  readonly session: { readonly sid: string; readonly up: boolean } | undefined;
  /** Media with a bridge was up at least once. */
  readonly wasUp: boolean;
  /** Why the last bridge leg failed, if it did. */
  readonly bridgeFailure: Failure | undefined;
  /** A dial IQ still waits for its answer. */
  readonly dialPending: boolean;
  /** Set once the call is ending. */
  readonly end: Failure | undefined;
  /** The room still reads why the call failed; then we leave. */
  readonly farewell: boolean;
  /** The phone has heard that it is being reconnected. */
  readonly waits: boolean;
  /** The phone still hears why the call ends; then it gets its BYE, or its refusal. */
  readonly speaking: boolean;
  /** Can the phone hear us before it is answered, and does it? */
  readonly early: 'never' | 'possible' | 'begun';
}

export type CallEvent =
  | { readonly type: 'joined'; readonly others: number; readonly diallerPresent: boolean }
  | { readonly type: 'others'; readonly count: number }
  | { readonly type: 'offer'; readonly offer: JingleOffer }
  | { readonly type: 'bridge-answer'; readonly sid: string; readonly answer: JingleAnswer }
  | { readonly type: 'bridge-refused'; readonly sid: string; readonly why: Failure }
  | { readonly type: 'bridge-up' }
  | { readonly type: 'bridge-down'; readonly why: Failure }
  | { readonly type: 'session-ended'; readonly sid: string }
  | { readonly type: 'interrupted' }
  | { readonly type: 'room-failed'; readonly why: Failure }
  | { readonly type: 'room-left' }
  | { readonly type: 'phone-ringing' }
  | { readonly type: 'phone-answered' }
  | { readonly type: 'phone-ended'; readonly why: Failure }
  /** The PBX transfers the phone: `over`, when the target took the call or it goes on as before. */
  | { readonly type: 'phone-moving'; readonly how: 'begun' | 'ringing' | 'over' }
  /** What `last-words` began is over. */
  | { readonly type: 'words-over' }
  | { readonly type: 'timer'; readonly name: TimerName }
  /** Somebody or something outside wants the call to end: a hangup from the room, shutdown, silence, a broken part. */
  | { readonly type: 'end'; readonly why: Failure };

export type Effect =
  | { readonly type: 'answer-phone' }
  /** The phone hears from now on what is said to it, though it is not answered. */
  | { readonly type: 'early-phone' }
  | { readonly type: 'invite-phone' }
  | { readonly type: 'end-phone'; readonly why: Failure }
  | { readonly type: 'connect-bridge'; readonly offer: JingleOffer }
  | { readonly type: 'accept-session'; readonly sid: string; readonly answer: JingleAnswer }
  | {
      readonly type: 'end-session';
      readonly sid: string;
      readonly why: 'connectivity-error' | 'failed-transport';
      readonly restart: boolean;
    }
  | { readonly type: 'close-bridge' }
  | { readonly type: 'status'; readonly text: string }
  | { readonly type: 'leave-room'; readonly status: string }
  | { readonly type: 'accept-dial' }
  | { readonly type: 'refuse-dial'; readonly why: Failure }
  /** Says something to the phone, in place of what is being said. */
  | { readonly type: 'prompt'; readonly prompt: PromptName }
  /** What is being said to the phone is over: the room is heard again, or at last. */
  | { readonly type: 'hush' }
  /** As `prompt`, without the room's sound; `words-over` follows. */
  | { readonly type: 'last-words'; readonly prompt: PromptName }
  | { readonly type: 'close-media' }
  | { readonly type: 'finished'; readonly why: Failure };

/**
 * `waiting`: the phone rings, and could be told that it has to wait. `alone`: nobody else in the room, the phone still rings. `invitation`: others are there and no media with a bridge ever was.
 * `room-lost`: the bridge leg was up and is gone, or the focus or the stream is. `farewell`: the room reads the reason.
 * `last-words`: the phone hears it. `ending`: the goodbyes must not take for ever.
 */
export type TimerName =
  | 'waiting'
  | 'alone'
  | 'invitation'
  | 'room-lost'
  | 'farewell'
  | 'last-words'
  | 'ending';

export interface Step {
  readonly state: CallState;
  readonly effects: readonly Effect[];
}

/** `early`: a caller that can hear us before the answer, and whose account wants that. */
export function initialState(direction: 'in' | 'out', early = false): CallState {
  return {
    direction,
    phone: direction === 'in' ? 'ringing' : 'idle',
    room: 'joining',
    others: 0,
    session: undefined,
    wasUp: false,
    bridgeFailure: undefined,
    dialPending: direction === 'out',
    end: undefined,
    farewell: false,
    waits: false,
    speaking: false,
    early: early ? 'possible' : 'never',
  };
}

/** The timers that ought to run in a state; one that stops being wanted is stopped, one that stays wanted runs on. */
export function timersOf(state: CallState): readonly TimerName[] {
  if (isFinished(state)) return [];
  if (state.speaking) return ['last-words'];
  if (state.end !== undefined) return state.farewell && state.room !== 'gone' ? ['farewell'] : ['ending'];
  const rings = state.direction === 'in' && state.phone === 'ringing';
  return [...(rings && state.early === 'possible' ? (['waiting'] as const) : []), ...roomTimers(state)];
}

function roomTimers(state: CallState): readonly TimerName[] {
  if (state.session?.up === true) return [];
  if (state.room === 'interrupted') return ['room-lost'];
  if (state.room !== 'joined') return [];
  if (state.others > 0) return [state.wasUp ? 'room-lost' : 'invitation'];
  const unanswered = state.direction === 'in' && state.phone === 'ringing' && state.session === undefined;
  return unanswered ? ['alone'] : [];
}

export function step(state: CallState, event: CallEvent): Step {
  if (isFinished(state)) return stay(state);
  if (state.end !== undefined) return whileEnding(state, event);
  switch (event.type) {
    case 'joined':
      return onJoined(state, event);
    case 'others':
      return stay({ ...state, others: event.count });
    case 'offer':
      return on(
        { ...state, session: { sid: event.offer.sid, up: false } },
        { type: 'connect-bridge', offer: event.offer },
      );
    case 'bridge-answer':
      return onBridgeAnswer(state, event);
    case 'bridge-refused':
      return onBridgeRefused(state, event);
    case 'bridge-up':
      return onBridgeUp(state);
    case 'bridge-down':
      return onBridgeDown(state, event.why);
    case 'session-ended':
      if (state.session?.sid !== event.sid) return stay(state);
      return append(waiting({ ...state, session: undefined }), { type: 'close-bridge' });
    case 'interrupted':
      return waiting({ ...state, room: 'interrupted' });
    case 'room-failed':
      return endCall({ ...state, room: 'gone' }, event.why);
    case 'room-left':
      return stay({ ...state, room: 'gone' });
    case 'phone-ringing':
      return on(state, { type: 'status', text: 'Ringing' });
    case 'phone-answered':
      return on({ ...state, phone: 'answered' }, { type: 'status', text: 'Connected' });
    case 'phone-ended':
      return onPhoneEnded(state, event.why);
    case 'phone-moving':
      return on(state, { type: 'status', text: statusOfMove[event.how] });
    case 'words-over':
      return stay(state);
    case 'timer':
      return onTimer(state, event.name);
    case 'end':
      return endCall(state, event.why);
  }
}

const statusOfMove = { begun: 'Connecting', ringing: 'Ringing', over: 'Connected' } as const;

function onJoined(state: CallState, event: Extract<CallEvent, { type: 'joined' }>): Step {
  const joined: CallState = { ...state, room: 'joined', others: event.others };
  if (!state.dialPending) return stay(joined);
  if (!event.diallerPresent) return endCall(joined, failure('not-an-occupant'));
  return on(
    { ...joined, dialPending: false, phone: 'ringing' },
    { type: 'accept-dial' },
    { type: 'invite-phone' },
    { type: 'status', text: 'Connecting' },
  );
}

function onBridgeAnswer(state: CallState, event: Extract<CallEvent, { type: 'bridge-answer' }>): Step {
  if (state.session?.sid !== event.sid) return stay(state);
  return on(state, { type: 'accept-session', sid: event.sid, answer: event.answer });
}

/** Our side could not take the offer (no port, broken fingerprint): a leg that never worked ends the call with its code. */
function onBridgeRefused(state: CallState, event: Extract<CallEvent, { type: 'bridge-refused' }>): Step {
  if (state.session?.sid !== event.sid) return stay(state);
  return onBridgeDown(state, event.why);
}

function onBridgeUp(state: CallState): Step {
  if (state.session === undefined) return stay(state);
  const up: CallState = {
    ...state,
    session: { ...state.session, up: true },
    wasUp: true,
    bridgeFailure: undefined,
    waits: false,
  };
  if (state.direction === 'in' && state.phone === 'ringing') {
    const answered = answerPhone(up);
    return state.early === 'begun' ? append(answered, { type: 'hush' }) : answered;
  }
  return state.phone === 'answered' ? on(up, { type: 'hush' }) : stay(up);
}

/** A phone that has heard others and hears nobody now is told, once. */
function waiting(state: CallState): Step {
  const hearsRoom = state.session?.up === true || (state.others === 0 && state.room === 'joined');
  if (hearsRoom || !state.wasUp || state.phone !== 'answered' || state.waits) return stay(state);
  return on({ ...state, waits: true }, { type: 'prompt', prompt: 'reconnecting' });
}

/**
 * A leg that never worked ends the call: its code says more than a timeout would. One that worked before is worth a new
 * invitation; a DTLS failure is not, it would only repeat itself, so the focus is left to act.
 */
function onBridgeDown(state: CallState, why: Failure): Step {
  if (state.session === undefined) return stay(state);
  const { sid } = state.session;
  const down: CallState = { ...state, session: undefined, bridgeFailure: why };
  const restart = why.code === 'bridge-lost' || why.code === 'ice-failed';
  const goodbye: Effect = {
    type: 'end-session',
    sid,
    why: restart ? 'connectivity-error' : 'failed-transport',
    restart: restart && state.wasUp,
  };
  if (!state.wasUp) return prepend([goodbye], endCall(down, why));
  return append(waiting(down), { type: 'close-bridge' }, goodbye);
}

function onPhoneEnded(state: CallState, why: Failure): Step {
  const failedToReach = state.direction === 'out' && state.phone !== 'answered' && why.code !== 'cancelled';
  return endCall({ ...state, phone: 'gone' }, why, failedToReach);
}

function onTimer(state: CallState, name: TimerName): Step {
  switch (name) {
    case 'waiting':
      return on({ ...state, early: 'begun' }, { type: 'early-phone' }, { type: 'prompt', prompt: 'waiting' });
    case 'alone':
      return append(answerPhone(state), { type: 'prompt', prompt: 'alone' });
    case 'invitation':
      return endCall(state, failure('no-invitation'));
    case 'room-lost':
      return endCall(state, state.bridgeFailure ?? failure('room-lost'));
    case 'farewell':
    case 'last-words':
    case 'ending':
      return stay(state);
  }
}

function answerPhone(state: CallState): Step {
  return on({ ...state, phone: 'answered' }, { type: 'answer-phone' }, { type: 'status', text: 'Connected' });
}

/**
 * Both legs are told; the call is finished when both are gone. With `farewell` the room reads the reason for a while first; a phone
 * that was answered, or can hear us before that, may hear it first.
 */
function endCall(state: CallState, why: Failure, farewell = false): Step {
  const effects: Effect[] = [];
  const phone = state.phone === 'idle' ? 'gone' : state.phone;
  const hears = phone === 'answered' || (phone === 'ringing' && state.early !== 'never');
  const words = hears ? lastWords(why.code) : undefined;
  if (words !== undefined && phone === 'ringing' && state.early === 'possible')
    effects.push({ type: 'early-phone' });
  if (words !== undefined) effects.push({ type: 'last-words', prompt: words });
  else if (phone !== 'gone') effects.push({ type: 'end-phone', why });
  if (state.dialPending) effects.push({ type: 'refuse-dial', why });
  effects.push({ type: words === undefined ? 'close-media' : 'close-bridge' });
  const stays = farewell && state.room !== 'gone';
  if (stays) effects.push({ type: 'status', text: endings[why.code].status });
  else if (state.room !== 'gone') effects.push({ type: 'leave-room', status: endings[why.code].status });
  const ending = { ...state, phone, session: undefined, dialPending: false, end: why, farewell: stays };
  return finishWhenGone({ ...ending, speaking: words !== undefined }, effects);
}

function whileEnding(state: CallState, event: CallEvent): Step {
  switch (event.type) {
    case 'phone-ended':
      return finishWhenGone(
        { ...state, phone: 'gone', speaking: false },
        state.speaking ? [{ type: 'close-media' }] : [],
      );
    case 'room-left':
    case 'room-failed':
      return finishWhenGone({ ...state, room: 'gone' }, []);
    case 'words-over':
      return hangUp(state);
    case 'end':
      return state.farewell ? leaveAfterFarewell(state) : hangUp(state);
    case 'timer':
      if (event.name === 'farewell') return leaveAfterFarewell(state);
      if (event.name === 'last-words') return hangUp(state);
      if (event.name === 'ending') return finishWhenGone({ ...state, phone: 'gone', room: 'gone' }, []);
      return stay(state);
    default:
      return stay(state);
  }
}

/** The phone has heard why, or nobody waits for that any more. */
function hangUp(state: CallState): Step {
  if (!state.speaking) return stay(state);
  const why = state.end ?? failure('hangup');
  return on({ ...state, speaking: false }, { type: 'end-phone', why }, { type: 'close-media' });
}

function leaveAfterFarewell(state: CallState): Step {
  const status = endings[(state.end ?? failure('hangup')).code].status;
  return on({ ...state, farewell: false }, { type: 'leave-room', status });
}

function finishWhenGone(state: CallState, effects: readonly Effect[]): Step {
  if (state.end === undefined || !isFinished(state)) return { state, effects };
  return { state, effects: [...effects, { type: 'finished', why: state.end }] };
}

/** Ended, and both legs are gone. */
function isFinished({ end, phone, room }: CallState): boolean {
  return end !== undefined && phone === 'gone' && room === 'gone';
}

function stay(state: CallState): Step {
  return { state, effects: [] };
}

function on(state: CallState, ...effects: Effect[]): Step {
  return { state, effects };
}

function append({ state, effects }: Step, ...more: Effect[]): Step {
  return { state, effects: [...effects, ...more] };
}

function prepend(effects: readonly Effect[], next: Step): Step {
  return { state: next.state, effects: [...effects, ...next.effects] };
}
