import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, afterEach, before, test } from 'node:test';
import { Constellation } from '../../kit/constellation.ts';
import type { FocusConference } from '../../kit/focus-conference.ts';
import { values } from '../../kit/raw-sip.ts';

// Calls that end before they are answered: while the gateway asks for the room, while it is in it, while the phone rings.

let world: Constellation;

before(async () => {
  // The focus invites nobody, so that a caller goes on ringing in a room with one other.
  const env = { JIGASI_ALONE_ANSWER_MS: '60000' };
  world = await Constellation.start({ focus: { minParticipants: 9 }, env });
});
afterEach(async (t) => {
  world.report(t);
  await world.idle();
});
after(() => world.stop());

/** A caller who rings, in a room with Alice. */
async function ringing(name: string) {
  const alice = await world.room(name).join('Alice');
  const call = await world.dialIn(name);
  await call.response(180);
  const { nick } = await world.occupant(alice);
  return { alice, call, nick, leaves: () => alice.waitForLeave(nick) };
}

/** A telephone that rings for Alice. */
async function dialled(name: string) {
  const alice = await (await world.room(name).join('Alice')).becomesModerator();
  const answer = await alice.dial(name, world.componentDomain);
  const ref = answer?.getChild('ref')?.attrs.uri ?? '';
  const call = await world.phone.incoming(undefined, name);
  call.ring();
  const { nick } = await world.occupant(alice, ({ status }) => status === 'Ringing');
  return { alice, call, nick, ref, leaves: () => alice.waitForLeave(nick) };
}

test('a caller who gives up in the room gets 487, and the occupant leaves', async () => {
  const { call, leaves } = await ringing('cancel');
  const left = leaves();
  assert.equal(await call.cancel(), 200);
  assert.equal(await call.final(), 487);
  assert.equal((await left).getChild('status')?.getText(), 'Disconnected');
  assert.equal((await world.callEnded('cancel')).reason, 'cancelled');
});

test('a caller who gives up in an empty room gets 487, and nobody remains', async () => {
  const begun = once(world.jitsi.focus, 'conference') as Promise<[FocusConference]>;
  const call = await world.dialIn('empty');
  const [conference] = await begun;
  if (conference.participants.size === 0) await once(conference, 'joined');
  const left = once(conference, 'left');
  assert.equal(await call.cancel(), 200);
  assert.equal(await call.final(), 487);
  await left;
  assert.equal(conference.participants.size, 0);
});

test('a caller who gives up while the focus is away gets 487, and nobody joins later', async () => {
  await world.jitsi.focus.stop();
  const from = world.gateway.position;
  const call = await world.dialIn('away');
  await call.response(180);
  assert.equal(await call.cancel(), 200);
  assert.equal(await call.final(), 487);
  await world.callEnded('away', from);
  await world.jitsi.focus.start();
  const alice = await world.room('away').join('Alice');
  assert.equal(alice.others.size, 0);
});

test('a caller who is kicked while it rings gets 603', async () => {
  const { alice, call, nick, leaves } = await ringing('kicked');
  const left = leaves();
  await (await alice.becomesModerator()).kick(nick);
  assert.equal(await call.final(), 603);
  await left;
  assert.equal((await world.callEnded('kicked')).reason, 'kicked');
});

test('a caller whose room is closed while it rings gets 603', async () => {
  const { call } = await ringing('closed');
  await world.room('closed').moderation.destroy();
  assert.equal(await call.final(), 603);
  assert.equal((await world.callEnded('closed')).reason, 'room-destroyed');
});

test('a caller whom an occupant refuses by hangup gets 480', async () => {
  const { alice, call, nick, leaves } = await ringing('refused');
  const left = leaves();
  assert.equal((await alice.hangup(`${alice.room}/${nick}`))?.attrs.type, 'result');
  assert.equal(await call.final(), 480);
  await left;
});

test('a hangup while the phone rings cancels the call', async () => {
  const { alice, call, ref, leaves } = await dialled('regret');
  const left = leaves();
  assert.equal((await alice.hangup(ref))?.attrs.type, 'result');
  const cancel = await call.ended();
  assert.match(cancel.startLine, /^CANCEL /);
  assert.match(values(cancel, 'Reason').join(), /^SIP;cause=200;text=/);
  assert.equal((await left).getChild('status')?.getText(), 'Disconnected');
});

test('a hangup before the phone has said anything is a CANCEL as soon as it has', async () => {
  const alice = await world.room('early').join('Alice');
  const answer = await alice.dial('early', world.componentDomain);
  const call = await world.phone.incoming(undefined, 'early');
  const { nick } = await world.occupant(alice);
  const left = alice.waitForLeave(nick);
  await alice.hangup(answer?.getChild('ref')?.attrs.uri ?? '');
  await left;
  assert.deepEqual(call.requests.all, [], 'no CANCEL before a provisional response (RFC 3261 §9.1)');
  call.ring();
  assert.match((await call.ended()).startLine, /^CANCEL /);
});

test('a kick while the phone rings cancels the call', async () => {
  const { alice, call, nick, leaves } = await dialled('thrown');
  const left = leaves();
  await alice.kick(nick);
  assert.match((await call.ended()).startLine, /^CANCEL /);
  await left;
});

test('a room that is closed while the phone rings cancels the call', async () => {
  const { call } = await dialled('shut');
  await world.room('shut').moderation.destroy();
  assert.match((await call.ended()).startLine, /^CANCEL /);
  assert.equal((await world.callEnded('shut')).reason, 'room-destroyed');
});

test('a phone that answers at the moment of the hangup gets a BYE', async () => {
  const { alice, call, ref, leaves } = await dialled('crossing');
  const left = leaves();
  const ended = call.ended();
  const hungUp = alice.hangup(ref);
  call.answer();
  await Promise.all([ended, hungUp, left]);
});
