import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { Constellation } from '../../kit/constellation.ts';
import { value } from '../../kit/raw-sip.ts';
import { finish, soon, speaker, startTalk, type Talk } from './talk.ts';

let stage: Constellation;
let talk: Talk;

before(async () => {
  stage = await Constellation.start({
    focus: { idleMs: 200 },
    env: { JIGASI_ROOM_LOST_SECONDS: '2' },
  });
  talk = await startTalk(stage, 'steady');
});
after(() => finish(stage));

test('a session that the focus ends and starts again: the phone stays, is silent meanwhile, and is heard again', async () => {
  const { nick } = talk;
  const from = stage.gateway.position;
  talk.room.moderation.terminate(nick, 'success', 'moving');
  await stage.gateway.waitFor(({ what }) => what === 'session-ended', from);
  await talk.call.audio.recording.more(10);
  await talk.room.moderation.reinvite(nick);
  await talk.bothWays();
  assert.equal(talk.nick, nick);
  assert.equal(talk.call.audio.recording.loss().lost, 0, 'the phone got packets all the time');
});

test('a new session without an end of the old one replaces it', async () => {
  const { nick, room } = talk;
  const before = room.conference.find(nick).session?.sid;
  const accepted = once(room.conference, 'accepted', soon());
  await room.moderation.reinvite(nick);
  await accepted;
  await talk.bothWays();
  assert.equal(talk.nick, nick, 'the occupant did not have to come again');
  assert.notEqual(room.conference.find(nick).session?.sid, before);
  assert.equal(talk.call.audio.recording.loss().lost, 0);
});

test('alone in the room the session expires; the phone waits there, however long, and hears the next one who comes', async () => {
  const { nick } = talk;
  const from = stage.gateway.position;
  await talk.alice.leave();
  await stage.gateway.waitFor(({ what }) => what === 'session-ended', from);
  // Longer than the time after which a lost room ends a call: being alone is no failure.
  await talk.call.audio.recording.more(125);
  talk.alice = await speaker(talk.room);
  await talk.bothWays();
  assert.equal(talk.nick, nick);
  assert.equal(talk.call.audio.recording.loss().lost, 0);
});

test('a session that ends and does not come back although others are there: BYE with 503 as the reason', async () => {
  const { nick, call, alice } = talk;
  const from = stage.gateway.position;
  const left = alice.waitForLeave(nick);
  talk.room.moderation.terminate(nick, 'success', 'moving');
  assert.match(
    value(await call.ended(), 'Reason') ?? '',
    /SIP;cause=503;text="The conference did not come back"/,
  );
  await left;
  const { reason, remedy } = await stage.gateway.waitFor('call-ended', from);
  assert.equal(reason, 'room-lost');
  assert.match(String(remedy), /Jicofo/);
});
