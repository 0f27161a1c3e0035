import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Constellation, phoneHearsTones, roomHearsTones } from '../../kit/constellation.ts';
import type { Participant } from '../../kit/participant.ts';
import type { RawCall } from '../../kit/raw-call.ts';
import { method, parseRaw, status, tagOf, value } from '../../kit/raw-sip.ts';
import { tone } from '../../kit/tone.ts';

// The PBX transfers the phone of a running call: to another number (REFER), or by another call that takes its place (Replaces).

let world: Constellation;

before(async () => {
  world = await Constellation.start();
});
afterEach((t) => world.report(t));
after(() => world.stop());

interface Talk {
  readonly alice: Participant;
  readonly call: RawCall;
  readonly nick: string;
}

async function talk(name: string): Promise<Talk> {
  const alice = await world.room(name).join('Alice');
  alice.keepSpeaking(tone(440, 48_000, 1, -15));
  const call = await world.dialIn(name);
  await call.response(200);
  call.audio.say(tone(1000, 8000, 1, -15));
  const { nick } = await world.occupant(alice);
  await world.jitsi.bridge.connected(alice.room, nick);
  return { alice, call, nick };
}

const refer = (call: RawCall, target: string) =>
  call.send('REFER', { headers: [['Refer-To', `<${target}>`]] }).then(status);

/** Waits until the PBX is told this status of the new call. */
async function told(call: RawCall, code: number): Promise<void> {
  const fits = ({ message }: { message: Parameters<typeof method>[0] & { body: string } }): boolean =>
    method(message) === 'NOTIFY' && message.body.startsWith(`SIP/2.0 ${code} `);
  await call.requests.next(`NOTIFY of ${code}`, fits);
}

/** The room and this phone hear each other, and the occupant is the one that was there before. */
async function bothWays({ alice, nick }: Talk, call: RawCall, hz: number): Promise<void> {
  call.audio.say(tone(hz, 8000, 1, -15));
  await Promise.all([phoneHearsTones(call, [440]), roomHearsTones(alice, nick, [hz])]);
  assert.equal((await world.occupant(alice)).nick, nick);
}

async function hangUp({ alice, nick }: Talk, call: RawCall): Promise<void> {
  const left = alice.waitForLeave(nick);
  assert.equal(await call.hangup(), 200);
  await left;
}

test('a blind transfer: the target rings, answers and is heard; the old phone gets its BYE, the occupant stays', async () => {
  const scene = await talk('blind');
  const { call, alice } = scene;
  assert.equal(await refer(call, 'sip:4712@127.0.0.1'), 202);
  const target = await world.phone.incoming(undefined, '4712');
  assert.equal(target.header('Jitsi-Conference-Room'), alice.room);
  target.ring();
  await told(call, 180);
  await world.occupant(alice, (seen) => seen.status === 'Ringing');
  target.answer();
  await told(call, 200);
  assert.equal(method(await call.ended()), 'BYE');
  await world.occupant(alice, (seen) => seen.status === 'Connected');
  await bothWays(scene, target, 1500);
  await hangUp(scene, target);
});

test('a target that is busy: the PBX is told, and the old phone goes on talking', async () => {
  const scene = await talk('busy');
  const { call } = scene;
  assert.equal(await refer(call, 'sip:4713@127.0.0.1'), 202);
  const target = await world.phone.incoming(undefined, '4713');
  target.reject(486, 'Busy Here');
  await told(call, 486);
  await bothWays(scene, call, 1200);
  await hangUp(scene, call);
});

test('a target outside the account’s domain is refused, and nobody is called', async () => {
  const scene = await talk('abroad');
  assert.equal(await refer(scene.call, 'sip:900@premium.test'), 403);
  await bothWays(scene, scene.call, 1200);
  await hangUp(scene, scene.call);
});

test('a PBX that hangs up right after its REFER: the call waits for the target', async () => {
  const scene = await talk('impatient');
  const { call } = scene;
  assert.equal(await refer(call, 'sip:4714@127.0.0.1'), 202);
  const target = await world.phone.incoming(undefined, '4714');
  assert.equal(await call.hangup(), 200);
  target.answer();
  await bothWays(scene, target, 1500);
  await hangUp(scene, target);
});

test('an INVITE with Replaces takes the call over: the new phone talks, the old one gets its BYE, the occupant stays', async () => {
  const scene = await talk('attended');
  const { call } = scene;
  const answer = call.responses.all.find((message) => status(message) === 200);
  assert.ok(answer);
  const [to, from] = ['To', 'From'].map((name) => tagOf(value(answer, name) ?? ''));
  const replaces = `${call.callId};to-tag=${to};from-tag=${from}`;
  const next = await world.phone.call(world.uri(), { headers: [['Replaces', replaces]] });
  await next.answered();
  assert.equal(method(await call.ended()), 'BYE');
  await bothWays(scene, next, 1500);
  await hangUp(scene, next);
});

test('an attended transfer: the target is called in place of the one whom it talks with, and then talks with the room', async () => {
  const scene = await talk('consulted');
  const { call } = scene;
  // The dialog of the phone with the target, as the target sees it.
  const consultation = 'consultation@pbx;to-tag=target;from-tag=phone';
  const target = `sip:4716@127.0.0.1?Replaces=${encodeURIComponent(consultation)}`;
  assert.equal(await refer(call, target), 202);
  const next = await world.phone.incoming(undefined, '4716');
  assert.equal(next.header('Replaces'), consultation);
  assert.equal(next.header('Require'), 'replaces');
  next.answer();
  await told(call, 200);
  assert.equal(method(await call.ended()), 'BYE');
  await bothWays(scene, next, 1500);
  await hangUp(scene, next);
});

test('a phone that rings is picked up elsewhere (Replaces): the room hears who did, and the ringing ends', async () => {
  const alice = await world.room('pick-up').join('Alice');
  alice.keepSpeaking(tone(440, 48_000, 1, -15));
  await alice.dial('4717', world.componentDomain, {});
  const desk = await world.phone.incoming(undefined, '4717');
  desk.ring();
  const { nick } = await world.occupant(alice, (seen) => seen.status === 'Ringing');
  const ringing = parseRaw(world.phone.sent.findLast((text) => text.startsWith('SIP/2.0 180')) ?? '');
  const [theirs, ours] = ['To', 'From'].map((name) => tagOf(value(ringing, name) ?? ''));
  const replaces = `${desk.callId};to-tag=${ours};from-tag=${theirs}`;
  const mobile = await world.phone.call(world.uri(), { headers: [['Replaces', replaces]] });
  await mobile.answered();
  assert.equal(method(await desk.ended()), 'CANCEL');
  await world.occupant(alice, (seen) => seen.status === 'Connected');
  await world.jitsi.bridge.connected(alice.room, nick);
  const scene = { alice, nick, call: mobile };
  await bothWays(scene, mobile, 1500);
  await hangUp(scene, mobile);
});

test('a moderator’s kick while the target rings ends both dialogs', async () => {
  const scene = await talk('kicked');
  const { call, alice, nick } = scene;
  await alice.becomesModerator();
  assert.equal(await refer(call, 'sip:4715@127.0.0.1'), 202);
  const target = await world.phone.incoming(undefined, '4715');
  target.ring();
  await told(call, 180);
  await alice.kick(nick);
  assert.equal(method(await target.ended()), 'CANCEL');
  assert.equal(method(await call.ended()), 'BYE');
  await world.idle();
});
