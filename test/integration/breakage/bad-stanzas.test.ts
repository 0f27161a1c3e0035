import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { Constellation } from '../../kit/constellation.ts';
import { ns } from '../../kit/focus-stanzas.ts';
import { type XmlElement, xml } from '../../kit/xml.ts';
import { connectClient, type XmppEntity } from '../../kit/xmpp-entity.ts';
import { dial, finish, soon, startTalk, type Talk } from './talk.ts';

const component = 'callcontrol.meet.test';
let stage: Constellation;
let talk: Talk;
let mallory: XmppEntity;

before(async () => {
  stage = await Constellation.start();
  talk = await startTalk(stage, 'steady');
  mallory = await connectClient(stage.jitsi.prosody.c2sPort, 'meet.test');
});
after(async () => {
  await mallory.close();
  await finish(stage);
});

/** Text that goes on the wire as it is. */
function verbatim(text: string): XmlElement {
  const element = xml('verbatim');
  return Object.assign(element, { write: (writer: (part: string) => void) => writer(text) });
}

const condition = (answer: XmlElement | undefined) => answer?.getChild('error')?.getChildElements()[0]?.name;

function request(content: XmlElement, to = component): Promise<XmlElement | undefined> {
  return mallory.request(xml('iq', { type: 'set', to }, content));
}

test('XML of 10,000 levels is refused unread', async () => {
  const deep = verbatim(`<x xmlns="urn:example:deep">${'<n>'.repeat(10_000)}${'</n>'.repeat(10_000)}</x>`);
  for (let n = 0; n < 5; n += 1) assert.equal(condition(await request(deep)), 'policy-violation');
  const presence = `<presence to='${component}'>${'<n>'.repeat(10_000)}${'</n>'.repeat(10_000)}</presence>`;
  mallory.send(verbatim(presence));
  await talk.goesOn();
});

test('a stanza of 200 KB is refused unread; one of 300 KB costs its sender the connection to Prosody', async () => {
  for (const content of ['x'.repeat(200_000), '<n/>'.repeat(50_000), '&lt;'.repeat(50_000)]) {
    const large = verbatim(`<x xmlns='urn:example:large'>${content}</x>`);
    assert.equal(condition(await request(large)), 'policy-violation');
  }
  const wide = Array.from({ length: 20_000 }, (_, n) => `a${n}='1'`).join(' ');
  assert.equal(
    condition(await request(verbatim(`<x xmlns='urn:example:wide' ${wide}/>`))),
    'policy-violation',
  );
  const closed = once(mallory, 'closed', soon());
  mallory.send(verbatim(`<message to='${component}'><body>${'x'.repeat(300_000)}</body></message>`));
  await closed;
  mallory = await connectClient(stage.jitsi.prosody.c2sPort, 'meet.test');
  await talk.goesOn();
});

test('line ends in attributes of a dial are refused: no INVITE leaves the gateway', async () => {
  const { alice } = talk;
  const evil = '1\r\nX-Evil: 1';
  for (const [number, headers] of [
    [evil, {}],
    ['1\u0085', {}],
    ['123', { 'X-outbound-call-initiator-name': evil }],
    ['123', { 'X-outbound-call-initiator-a\r\nRoute': 'sip:evil' }],
    ['123', { JvbRoomName: `${alice.room}\r\n` }],
    ['123', { JvbRoomPassword: 'x\r\nx' }],
  ] as const) {
    const answer = await alice.dial(number, component, headers);
    assert.equal(answer?.attrs.type, 'error', JSON.stringify([number, headers]));
  }
  const invites = stage.phone.received.all.filter(({ message }) => message.startLine.startsWith('INVITE'));
  assert.deepEqual(invites, []);
});

test('line ends in the presence of somebody in the room change nothing', async () => {
  const { alice } = talk;
  const text = '&#13;&#10;INVITE sip:x SIP/2.0&#13;&#10;';
  alice.send(
    verbatim(
      `<presence to='${alice.occupantJid}' id='${text}'><nick xmlns='http://jabber.org/protocol/nick'>${text}</nick><status x='${text}'>${text}</status></presence>`,
    ),
  );
  await talk.goesOn();
});

test('a flood of presences, messages and answers to nothing costs the call nothing', async () => {
  const { alice, nick } = talk;
  const occupant = alice.others.get(nick)?.realJid;
  for (let n = 0; n < 300; n += 1) {
    alice.send(xml('presence', { to: alice.occupantJid }, xml('status', {}, `${n} ${'x'.repeat(1000)}`)));
    for (const type of [undefined, 'subscribe', 'unavailable', 'error', 'probe']) {
      mallory.send(xml('presence', { to: n % 2 === 0 ? component : `x${n}@${component}/y`, type }));
    }
    mallory.send(xml('iq', { to: occupant, type: n % 2 === 0 ? 'result' : 'error', id: String(n) }));
    mallory.send(xml('message', { to: occupant, type: 'groupchat' }, xml('body', {}, 'x')));
    // The stream has room for what others want to say.
    if (n % 30 === 0) await talk.call.audio.recording.more(2);
  }
  const alive = xml('iq', { type: 'get', to: component }, xml('query', { xmlns: ns.discoInfo }));
  assert.equal((await mallory.request(alive))?.attrs.type, 'result');
  await talk.goesOn();
});

test('through all of that neither side lost a packet or heard a pause, and a new call is taken', async () => {
  await talk.phoneLostNothing();
  await talk.roomLostNothing();
  const call = await dial(stage, 'steady');
  await call.answered();
  assert.equal(await call.hangup(), 200);
});
