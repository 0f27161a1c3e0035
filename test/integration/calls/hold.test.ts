import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { level } from '../../kit/analysis.ts';
import { Constellation, roomHears } from '../../kit/constellation.ts';
import { parseSdp, type RawMessage, status, value } from '../../kit/raw-sip.ts';
import { tone } from '../../kit/tone.ts';
import { bothWays, nothingReachesThePhone, startTalk } from './hold-talk.ts';

// What a phone does within a call: hold in all three spellings, resume, requests without an offer.

let world: Constellation;

before(async () => {
  world = await Constellation.start();
});
afterEach((t) => world.report(t));
after(() => world.stop());

const talk = (name: string, options?: { sdp?: 'none' }) => startTalk(world, name, options);

const answerOf = (message: RawMessage) => parseSdp(message.body);
const versionOf = (message: RawMessage) => Number(/^o=\S+ \d+ (\d+)/m.exec(message.body)?.[1]);

test('hold and resume, in every spelling, are answered with the right direction; the call goes on', async () => {
  const scene = await talk('hold');
  const { call, alice, nick } = scene;
  const first = call.responses.all.find((message) => status(message) === 200) as RawMessage;

  const held = await call.hold();
  assert.equal(status(held), 200);
  assert.equal(answerOf(held)?.direction, 'recvonly');
  assert.equal(versionOf(held), versionOf(first) + 1, 'a new version of the session (RFC 3264 §8)');
  await nothingReachesThePhone(scene);
  const music = await roomHears(alice, nick, 0.5);
  assert.ok(level(music) < -60, 'what a held phone sends, its PBX’s music, is not for the conference');

  const resumed = await call.resume();
  assert.equal(answerOf(resumed)?.direction, 'sendrecv');
  await bothWays(scene);

  const inactive = await call.reinvite('inactive');
  assert.equal(answerOf(inactive)?.direction, 'inactive');
  await nothingReachesThePhone(scene);
  await call.resume();

  const old = await call.reinvite('sendrecv', call.localSdp().replace(/^c=.*$/m, 'c=IN IP4 0.0.0.0'));
  assert.ok(['recvonly', 'inactive'].includes(answerOf(old)?.direction ?? ''), old.body);
  await nothingReachesThePhone(scene);
  await call.resume();
  await bothWays(scene);

  const left = alice.waitForLeave(nick);
  assert.equal(await call.hangup(), 200);
  await left;
});

test('a phone that is on hold may hang up', async () => {
  const { call, alice, nick } = await talk('held');
  await call.hold();
  const left = alice.waitForLeave(nick);
  assert.equal(await call.hangup(), 200);
  await left;
});

test('an INVITE without an offer gets ours in the 200, and so does a re-INVITE', async () => {
  const scene = await talk('offerless', { sdp: 'none' });
  const { call, alice, nick } = scene;
  const ours = call.responses.all.find((message) => status(message) === 200) as RawMessage;
  assert.match(ours.body, /opus\/48000\/2.*G722.*PCMU.*PCMA/s, 'everything that we can, in our order');
  await bothWays(scene);
  const again = await call.send('INVITE');
  assert.equal(status(again), 200);
  assert.equal(answerOf(again)?.direction, 'sendrecv');
  assert.equal(versionOf(again), versionOf(ours) + 1);
  await bothWays(scene);
  const left = alice.waitForLeave(nick);
  await call.hangup();
  await left;
});

test('a phone that we called may hold and resume too', async () => {
  const alice = await world.room('called').join('Alice');
  alice.keepSpeaking(tone(440, 48_000, 1, -15));
  await alice.dial('4711', world.componentDomain);
  const call = await world.phone.incoming();
  call.answer();
  call.audio.say(tone(1000, 8000, 1, -15));
  const { nick } = await world.occupant(alice, (seen) => seen.status === 'Connected');
  await world.jitsi.bridge.connected(alice.room, nick);
  assert.equal(answerOf(await call.hold())?.direction, 'recvonly');
  await nothingReachesThePhone({ alice, call, nick });
  assert.equal(answerOf(await call.resume())?.direction, 'sendrecv');
  await bothWays({ alice, call, nick });
  await call.hangup();
});

test('OPTIONS is answered within a call and without', async () => {
  const { call } = await talk('options');
  const inside = await call.send('OPTIONS');
  const outside = await world.phone.request('OPTIONS', world.uri('anybody'));
  for (const answer of [inside, outside]) {
    assert.equal(status(answer), 200);
    assert.match(value(answer, 'Allow') ?? '', /INVITE.*BYE/);
    assert.match(value(answer, 'Accept') ?? '', /application\/sdp/);
  }
  await call.hangup();
});

test('a re-INVITE that cannot be served is refused with 488, and the call goes on as it was', async () => {
  const scene = await talk('refused');
  const body = scene.call
    .localSdp()
    .replace(/RTP\/AVP .*/, 'RTP/AVP 3')
    .replace(/^a=rtpmap.*\r\n/gm, '');
  assert.equal(status(await scene.call.reinvite('sendrecv', body)), 488);
  await bothWays(scene);
  await scene.call.hangup();
});
