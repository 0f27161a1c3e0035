import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Constellation } from '../../kit/constellation.ts';
import { GatewayProcess } from '../../kit/gateway-process.ts';
import { connectComponent } from '../../kit/xmpp-entity.ts';
import { dial, finish, isPhone, speaker, startTalk, type Talk, trunk } from './talk.ts';

let stage: Constellation;
let talk: Talk;

before(async () => {
  stage = await Constellation.start();
  talk = await startTalk(stage, 'steady');
});
after(() => finish(stage));

/** Alice's browser connects again too; the old one is silent from now on. */
async function aliceReturns(): Promise<void> {
  talk.alice.silent();
  talk.alice = await speaker(talk.room);
  await talk.alice.waitFor(isPhone);
}

for (const [how, breakIt] of [
  ['restarted', () => stage.jitsi.prosody.restart()],
  ['killed', () => stage.jitsi.prosody.kill()],
] as const) {
  test(`Prosody is ${how} during a call: media goes on, the phone rejoins as somebody else and both hear each other`, async () => {
    const { nick } = talk;
    const from = stage.gateway.position;
    talk.call.audio.recording.clear();
    await breakIt();
    await stage.gateway.waitFor('xmpp-offline', from);
    await talk.call.audio.recording.more(75);
    await talk.phoneLostNothing();
    if (how === 'killed') {
      const refused = await dial(stage, 'closed');
      assert.equal(await refused.final(), 503, 'a new call is refused while Prosody is away');
      await stage.jitsi.prosody.start();
    }
    await stage.gateway.waitFor('xmpp-online', from);
    await stage.jitsi.focus.ready();
    await aliceReturns();
    assert.notEqual(talk.nick, nick, 'a rejoin under the old name would bring no invitation');
    await talk.bothWays();
    assert.equal(talk.call.audio.recording.loss().lost, 0, 'the phone got every packet');
  });
}

test('a second connection of the same component is refused and disturbs nothing', async () => {
  const { componentPort, secret } = stage.jitsi.prosody;
  await assert.rejects(connectComponent(componentPort, 'callcontrol.meet.test', secret), /conflict/);
  await talk.goesOn();
});

test('a second gateway under the same name is told so, keeps trying, and takes over when the first one is gone', async (t) => {
  const second = await GatewayProcess.launch(trunk(stage.jitsi.prosody, stage.phone));
  t.after(() => second.stop());
  await second.waitFor(({ msg }) =>
    /Another gateway is connected as callcontrol\.meet\.test/.test(msg ?? ''),
  );
  await talk.goesOn();
  await talk.hangup();
  assert.deepEqual(await stage.gateway.stop(), { code: 0, signal: null });
  await second.waitFor('ready');
});
