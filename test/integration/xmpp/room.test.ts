import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sourceChange } from '../../kit/focus-stanzas.ts';
import { payload } from '../../kit/xml.ts';
import { sourceOf } from './scripted-focus.ts';
import { answer } from './session.ts';
import { event, received, Stage } from './stage.ts';

describe('a call in its room', () => {
  let stage: Stage;
  before(async () => {
    stage = await Stage.open();
  });
  after(() => stage.close());

  it('joins after the conference request, as a phone that browsers and Jicofo recognise', async () => {
    const room = stage.room('join');
    await stage.focus.enter(room);
    const alice = await stage.browser(room, 'alice001');
    const seen = received(alice, (s) => s.is('presence') && s.getChild('nick')?.getText() === '+49 30 1234');
    const occupant = await stage.joined(room);
    const presence = await seen;
    assert.equal(presence.attrs.from, occupant.occupantJid);
    assert.match(occupant.occupantJid, /\/[0-9a-f]{8}$/);
    assert.equal(presence.getChild('audiomuted')?.getText(), 'false');
    const features = presence
      .getChild('features')
      ?.getChildren('feature')
      .map((f) => f.attrs.var);
    assert.deepEqual(features, ['http://jitsi.org/protocol/jigasi', 'urn:xmpp:jingle:dtmf:0']);
    assert.equal(stage.focus.asked.length, 1);
    assert.equal(occupant.others, 1);
    assert.ok(occupant.hasOccupant(alice.jid));
    assert.ok(!occupant.hasOccupant('stranger@meet.test/x'));
    await occupant.leave();
  });

  it('offers audio and nothing else when the focus asks what it can do', async () => {
    const room = stage.room('disco');
    const occupant = await stage.joined(room);
    const info = await stage.focus.disco(occupant.occupantJid);
    const features = (info && payload(info))?.getChildren('feature').map((f) => f.attrs.var) ?? [];
    assert.ok(features.includes('urn:xmpp:jingle:apps:rtp:audio'));
    assert.ok(!features.some((f) => /video|sctp|opus-red|audio-mute|ssrc-rewriting|tcc/.test(f ?? '')));
    await occupant.leave();
  });

  it('answers an invitation with a named source and takes sources as they come and go', async () => {
    const room = stage.room('jingle');
    const occupant = await stage.joined(room);
    const nick = occupant.occupantJid.split('/')[1] ?? '';
    const bob = await stage.browser(room, 'Bob_0001');
    const offered = event(occupant, 'offer');
    occupant.once('offer', (offer) => occupant.accept(offer.sid, answer));
    const accept = await stage.focus.invite(occupant.occupantJid, {
      sources: [sourceOf('bob_0001', 11), sourceOf('jvb', 12)],
    });
    const [offer] = await offered;
    assert.deepEqual(offer.sources, [11]);
    assert.equal(offer.opusPayloadType, 111);
    const jingle = payload(accept);
    const content = jingle?.getChild('content');
    const source = content?.getChild('description')?.getChild('source');
    assert.equal(source?.attrs.name, `${nick}-a0`);
    assert.equal(source?.attrs.ssrc, '2023630739');
    assert.equal(content?.getChild('transport')?.getChild('fingerprint')?.attrs.setup, 'active');

    const added = event(occupant, 'sources-added');
    await stage.focus.client.request(
      sourceChange(occupant.occupantJid, offer.sid, 'source-add', [sourceOf('bob_0001', 13)]),
    );
    assert.deepEqual(await added, [[13]]);
    const removed = event(occupant, 'sources-removed');
    await bob.close();
    assert.deepEqual(await removed, [[11, 13]]);

    const terminated = stage.focus.action('session-terminate');
    const left = occupant.leave('Disconnected');
    const bridge = payload(await terminated)?.getChild('bridge-session');
    assert.equal(bridge?.attrs.id, 'bridge-1');
    await left;
  });
});
