import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failure } from '../errors.ts';
import type { JingleAnswer, JingleOffer } from '../xmpp/xmpp-side.ts';
import { type CallEvent, type CallState, type Effect, initialState, step, timersOf } from './call-state.ts';

const transport = { ufrag: 'u', pwd: 'p', candidates: [] };
const offer = (sid: string): JingleOffer => ({
  sid,
  transport,
  fingerprint: { hash: 'sha-256', value: 'AA', setup: 'actpass' },
  opusPayloadType: 111,
  telephoneEventPayloadType: 126,
  audioLevelId: 1,
  sources: [],
  startMuted: false,
});
const answer: JingleAnswer = {
  transport,
  fingerprint: { hash: 'sha-256', value: 'BB', setup: 'active' },
  ssrc: 7,
};

const joined = (others: number): CallEvent => ({ type: 'joined', others, diallerPresent: true });

interface Outcome {
  readonly state: CallState;
  readonly effects: Effect[];
}

/** Runs events and returns the last state with all effects in order. */
function run(direction: 'in' | 'out', ...events: CallEvent[]): Outcome {
  return runFrom(initialState(direction), ...events);
}

/** As `run`, with a caller that can hear us before the answer. */
function runEarly(...events: CallEvent[]): Outcome {
  return runFrom(initialState('in', true), ...events);
}

function runFrom(start: CallState, ...events: CallEvent[]): Outcome {
  let state = start;
  const effects: Effect[] = [];
  for (const event of events) {
    const next = step(state, event);
    state = next.state;
    effects.push(...next.effects);
  }
  return { state, effects };
}

const names = (effects: readonly Effect[]): string[] => effects.map((effect) => effect.type);

const upEvents: CallEvent[] = [
  joined(1),
  { type: 'offer', offer: offer('s1') },
  { type: 'bridge-answer', sid: 's1', answer },
  { type: 'bridge-up' },
];

test('a caller is answered when media with the bridge is up, not before', () => {
  const before = run('in', ...upEvents.slice(0, 3));
  assert.equal(before.state.phone, 'ringing');
  assert.deepEqual(names(before.effects), ['connect-bridge', 'accept-session']);
  const after = run('in', ...upEvents);
  assert.deepEqual(names(after.effects).slice(2), ['answer-phone', 'status']);
});

test('a caller who is alone is answered by the alone timer and then waits without a limit', () => {
  const ringing = run('in', joined(0));
  assert.deepEqual(timersOf(ringing.state), ['alone']);
  const answered = run('in', joined(0), { type: 'timer', name: 'alone' });
  assert.ok(names(answered.effects).includes('answer-phone'));
  assert.deepEqual(timersOf(answered.state), []);
});

test('others in the room and no invitation: 480 after the timer', () => {
  const waiting = run('in', joined(2));
  assert.deepEqual(timersOf(waiting.state), ['invitation']);
  const ended = run('in', joined(2), { type: 'timer', name: 'invitation' });
  assert.equal(ended.state.end?.code, 'no-invitation');
  assert.deepEqual(names(ended.effects), ['end-phone', 'close-media', 'leave-room']);
});

test('a session that ends leaves the phone on the line for the room-lost time, a new offer re-attaches it', () => {
  const ended = run('in', ...upEvents, { type: 'session-ended', sid: 's1' });
  assert.equal(ended.state.phone, 'answered');
  assert.deepEqual(timersOf(ended.state), ['room-lost']);
  assert.equal(names(ended.effects).at(-1), 'close-bridge');
  const back = run(
    'in',
    ...upEvents,
    { type: 'session-ended', sid: 's1' },
    { type: 'offer', offer: offer('s2') },
    { type: 'bridge-up' },
  );
  assert.deepEqual(timersOf(back.state), []);
  assert.equal(names(back.effects).filter((name) => name === 'answer-phone').length, 1);
});

test('the end of an old session does not touch the new one that replaced it', () => {
  const { state, effects } = run(
    'in',
    ...upEvents,
    { type: 'offer', offer: offer('s2') },
    { type: 'session-ended', sid: 's1' },
  );
  assert.equal(state.session?.sid, 's2');
  assert.ok(!names(effects).includes('close-bridge'));
});

test('a late answer of a replaced bridge leg is not sent to the focus', () => {
  const { effects } = run(
    'in',
    joined(1),
    { type: 'offer', offer: offer('s1') },
    { type: 'offer', offer: offer('s2') },
    { type: 'bridge-answer', sid: 's1', answer },
  );
  assert.ok(!names(effects).includes('accept-session'));
});

test('a bridge leg that never worked ends the call with its own code', () => {
  const { state, effects } = run('in', ...upEvents.slice(0, 3), {
    type: 'bridge-down',
    why: failure('ice-failed'),
  });
  assert.equal(state.end?.code, 'ice-failed');
  assert.deepEqual(names(effects).slice(2), ['end-session', 'end-phone', 'close-media', 'leave-room']);
});

test('a bridge leg that was up is asked back with restart, and the phone stays', () => {
  const { state, effects } = run('in', ...upEvents, { type: 'bridge-down', why: failure('bridge-lost') });
  assert.equal(state.end, undefined);
  assert.deepEqual(effects.at(-1), {
    type: 'end-session',
    sid: 's1',
    why: 'connectivity-error',
    restart: true,
  });
});

test('media goes on while the focus or the stream is away; no timer runs against it', () => {
  const { state } = run('in', ...upEvents, { type: 'interrupted' });
  assert.deepEqual(timersOf(state), []);
  const lost = step(state, { type: 'bridge-down', why: failure('bridge-lost') }).state;
  assert.deepEqual(timersOf(lost), ['room-lost']);
});

test('dial-out: the dial is answered and the INVITE leaves once the room is joined, only the first time', () => {
  const { effects } = run('out', joined(1), { type: 'interrupted' }, joined(1));
  assert.deepEqual(names(effects), ['accept-dial', 'invite-phone', 'status']);
});

test('dial-out by somebody who is not in the room is refused and nothing rings', () => {
  const { state, effects } = run('out', { type: 'joined', others: 1, diallerPresent: false });
  assert.equal(state.end?.code, 'not-an-occupant');
  assert.deepEqual(names(effects), ['refuse-dial', 'close-media', 'leave-room']);
  assert.deepEqual(names(step(state, { type: 'room-left' }).effects), ['finished']);
});

test('a busy phone is shown to the room for a while before we leave', () => {
  const busy = run('out', joined(1), { type: 'phone-ended', why: failure('phone-busy') });
  assert.deepEqual(busy.effects.at(-1), { type: 'status', text: 'Busy' });
  assert.deepEqual(timersOf(busy.state), ['farewell']);
  const left = step(busy.state, { type: 'timer', name: 'farewell' });
  assert.deepEqual(left.effects, [{ type: 'leave-room', status: 'Busy' }]);
  assert.deepEqual(names(step(left.state, { type: 'room-left' }).effects), ['finished']);
});

test('hang-up by the phone leaves the room; the call is finished when both legs are gone', () => {
  const gone = run('in', ...upEvents, { type: 'phone-ended', why: failure('hangup') });
  assert.deepEqual(names(gone.effects).slice(-2), ['close-media', 'leave-room']);
  assert.deepEqual(names(step(gone.state, { type: 'room-left' }).effects), ['finished']);
});

test('kicked: the phone is told and nothing is left in the room', () => {
  const kicked = run('in', ...upEvents, { type: 'room-failed', why: failure('kicked') });
  assert.deepEqual(names(kicked.effects).slice(-2), ['last-words', 'close-bridge']);
  assert.deepEqual(names(step(kicked.state, { type: 'phone-ended', why: failure('kicked') }).effects), [
    'close-media',
    'finished',
  ]);
});

test('a room that cannot be joined refuses the dial with its code', () => {
  const { effects } = run('out', { type: 'room-failed', why: failure('room-password') });
  assert.deepEqual(effects[0], { type: 'refuse-dial', why: { code: 'room-password' } });
  assert.deepEqual(names(effects), ['refuse-dial', 'close-media', 'finished']);
});

test('goodbyes that never come are cut short', () => {
  const ending = run('in', ...upEvents, { type: 'end', why: failure('draining') });
  assert.deepEqual(timersOf(ending.state), ['ending']);
  assert.deepEqual(names(step(ending.state, { type: 'timer', name: 'ending' }).effects), ['finished']);
});

test('a finished call is over: no timer keeps it alive, and nothing that comes late finishes it again', () => {
  const gone = run('in', ...upEvents, { type: 'phone-ended', why: failure('hangup') }, { type: 'room-left' });
  assert.deepEqual(names(gone.effects).slice(-1), ['finished']);
  assert.deepEqual(timersOf(gone.state), []);
  const late: CallEvent[] = [{ type: 'room-left' }, { type: 'timer', name: 'ending' }, joined(1)];
  for (const event of late) assert.deepEqual(step(gone.state, event).effects, [], event.type);
});

test('the first caller hears that he is the first; one who joins others does not', () => {
  const alone = run('in', joined(0), { type: 'timer', name: 'alone' });
  assert.deepEqual(alone.effects.at(-1), { type: 'prompt', prompt: 'alone' });
  assert.ok(!names(run('in', ...upEvents).effects).includes('prompt'));
});

test('a phone that loses the conference hears it once, until it is back', () => {
  const prompts = (...events: CallEvent[]): string[] =>
    run('in', ...upEvents, ...events).effects.flatMap((effect) =>
      effect.type === 'prompt' ? [effect.prompt] : effect.type === 'hush' ? ['hush'] : [],
    );
  const down: CallEvent = { type: 'bridge-down', why: failure('bridge-lost') };
  const back: CallEvent[] = [{ type: 'offer', offer: offer('s2') }, { type: 'bridge-up' }];
  assert.deepEqual(prompts(down), ['reconnecting']);
  assert.deepEqual(prompts(down, { type: 'interrupted' }), ['reconnecting']);
  assert.deepEqual(prompts({ type: 'session-ended', sid: 's1' }, ...back), ['reconnecting', 'hush']);
  assert.deepEqual(prompts({ type: 'interrupted' }), [], 'the bridge is still heard');
  assert.deepEqual(prompts({ type: 'others', count: 0 }, { type: 'session-ended', sid: 's1' }), [], 'alone');
});

test('a phone that was answered hears why it is put out, and then gets its BYE; media ends after it', () => {
  const why = failure('kicked');
  const kicked = run('in', ...upEvents, { type: 'room-failed', why });
  assert.deepEqual(kicked.effects.slice(-2), [
    { type: 'last-words', prompt: 'kicked' },
    { type: 'close-bridge' },
  ]);
  assert.deepEqual(timersOf(kicked.state), ['last-words']);
  for (const event of [
    { type: 'words-over' },
    { type: 'timer', name: 'last-words' },
    { type: 'end', why: failure('draining') },
  ] as const) {
    const { state, effects } = step(kicked.state, event);
    assert.deepEqual(effects, [{ type: 'end-phone', why }, { type: 'close-media' }], event.type);
    assert.deepEqual(timersOf(state), ['ending']);
    const gone = step(state, { type: 'phone-ended', why });
    assert.deepEqual(gone.effects, [{ type: 'finished', why }]);
  }
  const hungUp = step(kicked.state, { type: 'phone-ended', why: failure('hangup') });
  assert.deepEqual(names(hungUp.effects), ['close-media', 'finished']);
});

test('nothing is said to a phone that rings, nor when somebody just hangs up', () => {
  const ringing = run('in', joined(1), { type: 'room-failed', why: failure('room-full') });
  assert.ok(names(ringing.effects).includes('end-phone') && !names(ringing.effects).includes('last-words'));
  const hangup = run('in', ...upEvents, { type: 'end', why: failure('hangup') });
  assert.ok(!names(hangup.effects).includes('last-words'));
});

test('a caller that can hear us is told to wait when that takes long, once, until it is answered', () => {
  const waits: CallEvent = { type: 'timer', name: 'waiting' };
  assert.deepEqual(timersOf(runEarly().state), ['waiting']);
  assert.deepEqual(timersOf(runEarly(joined(1)).state), ['waiting', 'invitation']);
  const waiting = runEarly(joined(1), waits);
  assert.deepEqual(waiting.effects, [{ type: 'early-phone' }, { type: 'prompt', prompt: 'waiting' }]);
  assert.equal(waiting.state.phone, 'ringing');
  assert.deepEqual(timersOf(waiting.state), ['invitation']);
  const answered = runEarly(joined(1), waits, ...upEvents.slice(1));
  assert.deepEqual(names(answered.effects).slice(-3), ['answer-phone', 'status', 'hush']);
  const quick = runEarly(...upEvents);
  assert.deepEqual(quick.effects, run('in', ...upEvents).effects, 'who is answered soon hears nothing of it');
  assert.deepEqual(timersOf(quick.state), []);
});

test('a caller that can hear us is told why before it is refused', () => {
  const why = failure('room-full');
  const full: CallEvent = { type: 'room-failed', why };
  const words = { type: 'last-words', prompt: 'room-full' };
  const refused = runEarly(full);
  assert.deepEqual(refused.effects, [{ type: 'early-phone' }, words, { type: 'close-bridge' }]);
  assert.deepEqual(timersOf(refused.state), ['last-words']);
  const over = step(refused.state, { type: 'words-over' });
  assert.deepEqual(over.effects, [{ type: 'end-phone', why }, { type: 'close-media' }]);
  const waited = runEarly(joined(1), { type: 'timer', name: 'waiting' }, full);
  assert.deepEqual(names(waited.effects).slice(2), ['last-words', 'close-bridge'], '183 is sent once');
  const gone = step(refused.state, { type: 'phone-ended', why: failure('cancelled') });
  assert.deepEqual(names(gone.effects), ['close-media', 'finished']);
});

test('a caller that gives up while it waits ends the call, and hears nothing more', () => {
  const cancelled: CallEvent = { type: 'phone-ended', why: failure('cancelled') };
  const { effects } = runEarly(joined(1), { type: 'timer', name: 'waiting' }, cancelled);
  assert.deepEqual(names(effects).slice(2), ['close-media', 'leave-room']);
});
