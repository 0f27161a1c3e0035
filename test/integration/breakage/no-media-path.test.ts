import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { ownAddress } from '../../kit/bridge.ts';
import { Constellation } from '../../kit/constellation.ts';
import type { BridgeTransport } from '../../kit/media-bridge.ts';
import { dial, finish, soon, speaker, startTalk, type Talk } from './talk.ts';

let stage: Constellation;
let talk: Talk;
/** What the bridge says of itself in rooms with this name. */
const lies = new Map<string, (transport: BridgeTransport) => BridgeTransport>();
const nobody = createSocket('udp4');

before(async () => {
  nobody.bind(0, ownAddress());
  await once(nobody, 'listening');
  stage = await Constellation.start();
  const { bridge } = stage.jitsi;
  const allocate = bridge.allocate.bind(bridge);
  bridge.allocate = async (room, nick, realJid) => {
    const endpoint = await allocate(room, nick, realJid);
    const lie = realJid.includes('@callcontrol.') ? lies.get(room.split('@')[0] ?? '') : undefined;
    return lie === undefined ? endpoint : { ...endpoint, transport: lie(endpoint.transport) };
  };
  talk = await startTalk(stage, 'steady');
});
after(async () => {
  nobody.close();
  await finish(stage);
});

const cases = [
  {
    what: 'no ICE check is ever answered',
    lie: (transport: BridgeTransport) => ({
      ...transport,
      candidates: [{ ip: ownAddress(), port: nobody.address().port, priority: 1 }],
    }),
    code: 'ice-failed',
    phrase: 'No path to the videobridge',
    remedy: /let UDP from --min-port\/--max-port reach the videobridge/,
  },
  {
    what: 'the certificate of the bridge is not the one that was signalled',
    lie: (transport: BridgeTransport) => ({
      ...transport,
      fingerprint: { hash: 'sha-256', value: Array(32).fill('AB').join(':') },
    }),
    code: 'dtls-failed',
    phrase: 'Media encryption with the videobridge failed',
    remedy: /fingerprint/,
  },
] as const;

/** They take 12 s each, so they wait together. */
describe('no way to the bridge', { concurrency: true }, () => {
  for (const { what, lie, code, phrase, remedy } of cases) {
    test(`${what}: the caller gets 480 with the reason, the operator the remedy`, async () => {
      lies.set(code, lie);
      const alice = await speaker(stage.room(code));
      const terminated = once(stage.room(code).conference, 'terminated', soon());
      const call = await dial(stage, code);
      const { startLine } = await call.response(480, 30_000);
      assert.equal(startLine, `SIP/2.0 480 ${phrase}`);
      const [, jingle] = await terminated;
      assert.equal(jingle.getChild('bridge-session')?.attrs.restart, undefined, 'it would only fail again');
      const { reason, remedy: advice } = await stage.callEnded(code);
      assert.equal(reason, code);
      assert.match(String(advice), remedy);
      await alice.leave();
    });
  }

  test('an answered call whose next bridge cannot be reached asks for another one, which works', async () => {
    const moved = await startTalk(stage, 'moved');
    lies.set('moved', cases[0].lie);
    const { conference, moderation } = moved.room;
    const terminated = once(conference, 'terminated', soon());
    await moderation.reinvite(moved.nick);
    lies.delete('moved');
    const [, jingle] = await terminated;
    assert.equal(jingle.getChild('bridge-session')?.attrs.restart, 'true');
    await moved.bothWays();
    assert.equal(moved.call.audio.recording.loss().lost, 0, 'the phone got packets all the time');
    await moved.hangup();
  });
});

test('another call noticed nothing of all that', async () => {
  await talk.bothWays();
  await talk.phoneLostNothing();
  await talk.roomLostNothing();
});
