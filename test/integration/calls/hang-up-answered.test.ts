import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, afterEach, before, test } from 'node:test';
import { Constellation } from '../../kit/constellation.ts';
import type { FocusConference } from '../../kit/focus-conference.ts';
import type { RawCall } from '../../kit/raw-call.ts';
import { value } from '../../kit/raw-sip.ts';
import type { XmlElement } from '../../kit/xml.ts';

// Calls that end after they were answered, from each side, whoever called: BYE, session-terminate, MUC leave, free ports.

let world: Constellation;

before(async () => {
  world = await Constellation.start({ env: { JIGASI_ALONE_ANSWER_MS: '1' } });
});
afterEach(async (t) => {
  world.report(t);
  await world.idle();
});
after(() => world.stop());

/** A call in conversation, in a room with Alice, who is moderator. */
async function talking(name: string, direction: 'in' | 'out') {
  const alice = await (await world.room(name).join('Alice')).becomesModerator();
  let call: RawCall;
  if (direction === 'in') {
    call = await world.dialIn(name);
    await call.answered();
  } else {
    await alice.dial(name, world.componentDomain);
    call = await world.phone.incoming(undefined, name);
    call.answer();
  }
  const { nick } = await world.occupant(alice, ({ status }) => status === 'Connected');
  await world.gateway.waitFor(({ what, room }) => what === 'bridge-up' && room === alice.room);
  return {
    alice,
    call,
    nick,
    leaves: () => alice.waitForLeave(nick),
    conference: world.room(name).conference,
  };
}

for (const direction of ['in', 'out'] as const) {
  const name = (what: string) => `${what}-${direction}`;
  const title = direction === 'in' ? 'dial-in' : 'dial-out';

  test(`${title}: the phone hangs up; the session is terminated, then the occupant leaves`, async () => {
    const { call, leaves, conference, nick } = await talking(name('bye'), direction);
    const left = leaves();
    const order: string[] = [];
    const terminated = once(conference, 'terminated') as Promise<[string, XmlElement]>;
    conference.once('terminated', (who) => order.push(`terminated ${who}`));
    const gone = once(conference, 'left');
    conference.once('left', (who) => order.push(`left ${who}`));
    assert.equal(await call.hangup(), 200);
    assert.equal((await left).getChild('status')?.getText(), 'Disconnected');
    const bridgeSession = (await terminated)[1].getChild('bridge-session');
    assert.equal(bridgeSession?.attrs.id, conference.bridgeSession);
    await gone;
    assert.deepEqual(order, [`terminated ${nick}`, `left ${nick}`]);
    assert.equal((await world.callEnded(name('bye'))).reason, 'hangup');
  });

  test(`${title}: an occupant hangs up by IQ; the phone gets a BYE that says so`, async () => {
    const { alice, call, nick, leaves } = await talking(name('iq'), direction);
    const left = leaves();
    assert.equal((await alice.hangup(`xmpp:${alice.room}/${nick}`))?.attrs.type, 'result');
    const bye = await call.ended();
    assert.match(bye.startLine, /^BYE /);
    assert.equal(value(bye, 'Reason'), 'SIP;cause=200;text="Normal call clearing"');
    await left;
  });

  test(`${title}: a kick ends the phone's call`, async () => {
    const { alice, call, nick, leaves } = await talking(name('kick'), direction);
    const left = leaves();
    await alice.kick(nick);
    assert.equal(value(await call.ended(), 'Reason'), 'SIP;cause=603;text="Removed from the room"');
    await left;
    assert.equal((await world.callEnded(name('kick'))).reason, 'kicked');
  });

  test(`${title}: the room is closed`, async () => {
    const { call } = await talking(name('destroy'), direction);
    await world.room(name('destroy')).moderation.destroy();
    assert.equal(value(await call.ended(), 'Reason'), 'SIP;cause=603;text="The room was closed"');
    assert.equal((await world.callEnded(name('destroy'))).reason, 'room-destroyed');
  });

  test(`${title}: the last other goes, and the phone stays on the line until it hangs up`, async () => {
    const { alice, call, conference, nick } = await talking(name('stays'), direction);
    const gone = once(conference, 'left');
    await alice.leave();
    assert.deepEqual(await gone, [alice.nick]);
    const bob = await world.room(name('stays')).join('Bob');
    assert.equal((await world.occupant(bob)).nick, nick);
    assert.deepEqual(
      call.requests.all.filter(({ message }) => message.startLine.startsWith('BYE')),
      [],
    );
    const left = bob.waitForLeave(nick);
    await call.hangup();
    await left;
  });
}

test('a caller who is alone in the room hangs up; the occupant leaves', async () => {
  const begun = once(world.jitsi.focus, 'conference') as Promise<[FocusConference]>;
  const call = await world.dialIn('alone');
  await call.answered();
  const [conference] = await begun;
  const left = once(conference, 'left');
  await call.hangup();
  await left;
  assert.equal(conference.participants.size, 0);
  assert.equal((await world.callEnded('alone')).reason, 'hangup');
});

test('a caller who hangs up while media with the bridge is being made leaves nothing behind', async () => {
  const begun = once(world.jitsi.focus, 'conference') as Promise<[FocusConference]>;
  const call = await world.dialIn('hasty');
  await call.answered();
  const [conference] = await begun;
  const invited = once(conference, 'invited');
  const alice = await world.room('hasty').join('Alice');
  const { nick } = await world.occupant(alice);
  const left = alice.waitForLeave(nick);
  await invited;
  await call.hangup();
  await left;
  await world.callEnded('hasty');
});
