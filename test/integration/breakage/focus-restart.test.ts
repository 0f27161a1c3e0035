import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { Constellation } from '../../kit/constellation.ts';
import type { FocusConference } from '../../kit/focus-conference.ts';
import { errorTo } from '../../kit/focus-stanzas.ts';
import { within } from '../../kit/until.ts';
import { connectComponent } from '../../kit/xmpp-entity.ts';
import { finish, soon, startTalk, type Talk } from './talk.ts';

let stage: Constellation;
let talk: Talk;

before(async () => {
  stage = await Constellation.start();
  talk = await startTalk(stage, 'steady');
});
after(() => finish(stage));

/** Resolves when the occupant has accepted a session in the conference that the focus begins next. */
async function acceptedBy(nick: string): Promise<void> {
  const [conference]: FocusConference[] = await once(stage.jitsi.focus, 'conference', soon());
  const has = (found: (value: undefined) => void) => {
    conference?.on('accepted', (who) => who === nick && found(undefined));
    return () => conference?.removeAllListeners('accepted');
  };
  await within(() => `a session of ${nick}`, 20_000, has);
}

for (const [how, breakIt] of [
  ['stopped', () => stage.jitsi.focus.stop()],
  ['killed', () => stage.jitsi.focus.kill(300)],
] as const) {
  test(`the focus is ${how} during a call: media goes on, and a new session replaces the old one when it is back`, async () => {
    const { nick } = talk;
    const before = talk.room.conference.find(nick).session?.sid;
    assert.ok(before);
    talk.call.audio.recording.clear();
    await breakIt();
    await talk.goesOn(50);
    await talk.phoneLostNothing();
    await talk.roomLostNothing();
    await stage.jitsi.focus.start();
    await acceptedBy(nick);
    assert.notEqual(talk.room.conference.find(nick).session?.sid, before);
    await talk.bothWays();
    assert.equal(talk.nick, nick, 'the occupant stayed');
    assert.equal(talk.call.audio.recording.loss().lost, 0, 'the phone got every packet');
  });
}

test('the conference request is repeated until a focus is there', async () => {
  const { focus, prosody } = stage.jitsi;
  await focus.stop();
  // Somebody else stands in the place of the focus and refuses, as a Jicofo does that is not ready yet.
  const unready = await connectComponent(
    prosody.componentPort,
    `focus.${prosody.domain}`,
    prosody.focusSecret,
  );
  const [request] = await once(unready, 'stanza', soon());
  assert.match(request.attrs.from ?? '', /@callcontrol\./);
  unready.send(errorTo(request, { type: 'wait', condition: 'service-unavailable' }));
  await unready.close();
  await focus.start();
  await acceptedBy(talk.nick);
  await talk.bothWays();
});
