import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { Constellation } from '../../kit/constellation.ts';
import { muteRequest, ns, sessionInitiate, sessionTerminate } from '../../kit/focus-stanzas.ts';
import { paperEndpoint } from '../../kit/media-bridge.ts';
import { copyOf, payload, type XmlElement, xml } from '../../kit/xml.ts';
import { finish, soon, startTalk, type Talk } from './talk.ts';

let stage: Constellation;
let talk: Talk;

before(async () => {
  stage = await Constellation.start();
  talk = await startTalk(stage, 'steady');
});
after(() => finish(stage));

/** Where the gateway's occupant is reached: through the room, by its real JID. */
function ways(): string[] {
  const { alice, nick } = talk;
  return [`${alice.room}/${nick}`, alice.others.get(nick)?.realJid ?? ''];
}

const condition = (answer: XmlElement | undefined) => answer?.getChild('error')?.getChildElements()[0]?.name;

/** What Alice could make up: a well-formed offer to the phone. */
function forgedOffer(sid = 'forged'): XmlElement {
  const offer = sessionInitiate('', {
    sid,
    initiator: 'focus@auth.meet.test/focus',
    bridgeSession: 'forged',
    transport: paperEndpoint().transport,
    sources: [],
    startMuted: false,
    withAudio: true,
    payloadTypes: { opus: 111, telephoneEvent: 126 },
  });
  return payload(offer) as XmlElement;
}

test('Jingle and mute from anyone but the focus are refused, and the call goes on', async () => {
  const { alice, nick, room } = talk;
  const sid = room.conference.find(nick).session?.sid ?? '';
  for (const to of ways()) {
    for (const forged of [
      forgedOffer(),
      payload(sessionTerminate('', sid, 'success', 'bye')),
      payload(muteRequest('', undefined, true)),
    ]) {
      assert.ok(forged);
      assert.equal(condition(await alice.request(to, forged)), 'forbidden', forged.name);
    }
  }
  await talk.goesOn();
  assert.equal(room.conference.find(nick).session?.sid, sid);
});

test('what the gateway does not know is answered with service-unavailable', async () => {
  for (const to of ['callcontrol.meet.test', 'nobody@callcontrol.meet.test/x', ...ways()]) {
    for (const type of ['get', 'set'] as const) {
      const answer = await talk.alice.request(to, xml('query', { xmlns: 'urn:example:unknown' }), type);
      assert.equal(condition(answer), 'service-unavailable', `${type} to ${to}`);
    }
  }
});

test('IQ ids come back byte for byte', async () => {
  const { alice } = talk;
  for (const [n, id] of ['a+b/c==', '/+=', 'it\'s <"&>', `${'x'.repeat(500)}=`, 'Ж–語'].entries()) {
    const answered = new Promise<XmlElement>((resolve) => {
      alice.once('stanza', function look(stanza: XmlElement) {
        if (stanza.is('iq') && stanza.attrs.from === 'callcontrol.meet.test') resolve(stanza);
        else alice.once('stanza', look);
      });
    });
    const child = xml('ping', { xmlns: n % 2 === 0 ? 'urn:xmpp:ping' : 'urn:example:unknown' });
    alice.send(xml('iq', { type: 'get', to: 'callcontrol.meet.test', id }, child));
    assert.equal((await answered).attrs.id, id);
  }
});

test('the component says that it is a gateway, the occupant that it has audio and no video', async () => {
  const { alice } = talk;
  const ask = async (to: string) => {
    const query = (await alice.request(to, xml('query', { xmlns: ns.discoInfo }), 'get'))?.getChild('query');
    return {
      identities: query?.getChildren('identity').map(({ attrs }) => `${attrs.category}/${attrs.type}`),
      features: query?.getChildren('feature').map(({ attrs }) => attrs.var) ?? [],
    };
  };
  const component = await ask('callcontrol.meet.test');
  assert.equal(component.identities?.length, 1);
  assert.ok(component.features.includes(ns.rayo), String(component.features));
  for (const to of ways()) {
    const { features } = await ask(to);
    assert.ok(features.includes('urn:xmpp:jingle:apps:rtp:audio'), String(features));
    assert.ok(!features.some((feature) => /video|sctp/.test(feature ?? '')), String(features));
  }
});

/** A session-initiate of the focus with something wrong in it. */
const wrong: readonly (readonly [string, (jingle: XmlElement) => void])[] = [
  ['no content', (jingle) => jingle.children.splice(0)],
  ['no sid', (jingle) => Object.assign(jingle.attrs, { sid: undefined })],
  ['no transport', (jingle) => drop(within(jingle), 'transport')],
  [
    'no ICE credentials',
    (jingle) => Object.assign(within(jingle, 'transport').attrs, { pwd: '', ufrag: '' }),
  ],
  ['an ICE password of 60 KB', (jingle) => Object.assign(within(jingle, 'transport').attrs, { pwd: long })],
  ['no fingerprint', (jingle) => drop(within(jingle, 'transport'), 'fingerprint')],
  [
    'a fingerprint of MD5',
    (jingle) => Object.assign(within(jingle, 'transport', 'fingerprint').attrs, { hash: 'md5' }),
  ],
  ['no opus', (jingle) => drop(within(jingle, 'description'), 'payload-type')],
  [
    'opus under the number 10⁹',
    (jingle) => Object.assign(within(jingle, 'description', 'payload-type').attrs, { id: '1000000000' }),
  ],
  [
    'line ends in the credentials',
    (jingle) => Object.assign(within(jingle, 'transport').attrs, { ufrag: 'a\r\na=x:1' }),
  ],
  ['3000 sources', (jingle) => addSources(within(jingle, 'description'), 3000)],
];
const long = 'x'.repeat(60_000);

for (const [what, spoil] of wrong) {
  test(`a session-initiate with ${what} is refused and the session before it goes on`, async () => {
    const jingle = copyOf(forgedOffer('spoilt'));
    spoil(jingle);
    const answer = await talk.room.moderation.request(talk.nick, jingle);
    assert.match(condition(answer) ?? '', /^(bad-request|policy-violation)$/);
    await talk.phoneHears();
  });
}

test('after all that both still hear each other, and a room with 150 voices is no malice', async () => {
  const { alice, nick, room } = talk;
  await talk.phoneLostNothing();
  await talk.roomLostNothing();
  const crowd = Array.from({ length: 149 }, (_, n) => {
    const id = (0x10000000 + n).toString(16);
    const msid = `${id}-audio-0-1 ${randomUUID()}-1`;
    return { ssrc: 1_000_000 + n, owner: id, name: `${id}-a0`, msid };
  });
  room.conference.find(alice.nick).sources.push(...crowd);
  const accepted = once(room.conference, 'accepted', soon());
  await room.moderation.reinvite(nick);
  await accepted;
  await talk.bothWays();
  assert.equal(talk.nick, nick);
  assert.equal(talk.call.audio.recording.loss().lost, 0);
});

function within(jingle: XmlElement, ...path: string[]): XmlElement {
  return ['content', ...path].reduce((element, name) => element.getChild(name) as XmlElement, jingle);
}

function drop(element: XmlElement, name: string): void {
  const kept = element.children.filter((child) => typeof child === 'string' || child.name !== name);
  element.children.splice(0, element.children.length, ...kept);
}

function addSources(description: XmlElement, count: number): void {
  for (let n = 1; n <= count; n += 1) {
    description.children.push(xml('source', { xmlns: ns.source, ssrc: String(1_000_000 + n) }));
  }
}
