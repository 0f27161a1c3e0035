import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { Constellation } from '../../kit/constellation.ts';
import { ns } from '../../kit/focus-stanzas.ts';
import { finish, soon, startTalk, type Talk } from './talk.ts';

let stage: Constellation;
let talk: Talk;

before(async () => {
  stage = await Constellation.start();
  talk = await startTalk(stage, 'steady');
});
after(() => finish(stage));

test('the bridge goes dark: the loss is noticed, a restart is asked for in its session, and media is back without the phone noticing more than silence', async () => {
  const { nick, room, call } = talk;
  const { conference } = room;
  const { bridgeSession } = conference;
  const first = conference.find(nick).session?.sid;
  call.audio.recording.clear();
  const terminated = once(conference, 'terminated', soon());
  stage.jitsi.bridge.impair({ blackout: true });
  const [who, jingle] = await terminated;
  assert.equal(who, nick);
  const mark = jingle.getChild('bridge-session', ns.focus);
  assert.deepEqual([mark?.attrs.id, mark?.attrs.restart], [bridgeSession, 'true']);
  assert.ok(jingle.getChild('reason')?.getChild('connectivity-error'));
  stage.jitsi.bridge.impair({});
  await talk.bothWays();
  assert.equal(talk.nick, nick, 'the occupant stayed');
  assert.notEqual(conference.find(nick).session?.sid, first);
  assert.equal(call.audio.recording.loss().lost, 0, 'the phone got packets all the time');
});

test('a short darkness is outlived without a new session', async () => {
  const sid = talk.room.conference.find(talk.nick).session?.sid;
  stage.jitsi.bridge.impair({ blackout: true });
  await talk.call.audio.recording.more(75);
  stage.jitsi.bridge.impair({});
  await talk.bothWays();
  assert.equal(talk.room.conference.find(talk.nick).session?.sid, sid);
});

test('a bridge that went away and comes back is used again', async () => {
  const { nick, room } = talk;
  const from = stage.gateway.position;
  room.moderation.bridgeGone();
  await stage.gateway.waitFor(({ what }) => what === 'session-ended', from);
  room.moderation.bridgeBack();
  await talk.bothWays();
  assert.equal(talk.nick, nick);
  await talk.hangup();
  await stage.idle();
});
