import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Constellation, phoneHearsTones, roomHearsTones } from '../../kit/constellation.ts';
import type { Participant } from '../../kit/participant.ts';
import { method } from '../../kit/raw-sip.ts';
import { tone } from '../../kit/tone.ts';
import type { XmlElement } from '../../kit/xml.ts';

// Somebody in a room calls a telephone: straight through the component (`hosts.call_control`), or by Jicofo and the brewery.

let world: Constellation;

before(async () => {
  world = await Constellation.start({ brewery: true });
});
afterEach((t) => world.report(t));
after(() => world.stop());

const errorOf = (answer: XmlElement | undefined) =>
  answer?.getChild('error')?.getChildElements()[0]?.name ?? `no error: ${answer?.toString()}`;

const refOf = (answer: XmlElement | undefined) =>
  answer?.getChild('ref', 'urn:xmpp:rayo:1')?.attrs.uri ?? `no ref: ${answer?.toString()}`;

const direct = (who: Participant, number: string, headers: Record<string, string | undefined> = {}) =>
  who.dial(number, world.componentDomain, headers);

test('a dial straight to the component rings the phone after the ref; both sides hear each other; hangup by IQ ends it', async () => {
  const alice = await world.room('direct').join('Alice');
  alice.keepSpeaking(tone(440, 48_000, 1, -15));
  const ref = refOf(await direct(alice, '4711'));
  const { nick } = await world.occupant(alice);
  assert.equal(ref, `xmpp:${alice.room}/${nick}`);
  const call = await world.phone.incoming();
  assert.match(call.request?.message.startLine ?? '', /^INVITE sip:4711@127\.0\.0\.1 SIP\/2\.0$/);
  await world.occupant(alice, ({ status }) => status === 'Connecting');
  call.ring();
  await world.occupant(alice, ({ status }) => status === 'Ringing');
  call.answer();
  const shown = await world.occupant(alice, ({ status }) => status === 'Connected');
  assert.equal(shown.displayName, '4711');
  call.audio.say(tone(1000, 8000, 1, -15));
  await world.jitsi.bridge.connected(alice.room, nick);
  await Promise.all([phoneHearsTones(call, [440]), roomHearsTones(alice, nick, [1000])]);
  const left = alice.waitForLeave(nick);
  assert.equal((await alice.hangup(ref))?.attrs.type, 'result');
  await call.ended();
  await left;
});

test('a dial by the focus and the brewery does the same', async () => {
  await world.jitsi.focus.brewery.ready();
  const alice = await (await world.room('brewed').join('Alice')).becomesModerator();
  alice.keepSpeaking(tone(440, 48_000, 1, -15));
  const ref = refOf(await alice.dial('0800'));
  const { nick } = await world.occupant(alice);
  assert.equal(ref, `xmpp:${alice.room}/${nick}`);
  const call = await world.phone.incoming();
  assert.equal(call.header('Jitsi-Conference-Room'), alice.room);
  call.answer();
  call.audio.say(tone(1000, 8000, 1, -15));
  await world.jitsi.bridge.connected(alice.room, nick);
  await Promise.all([phoneHearsTones(call, [440]), roomHearsTones(alice, nick, [1000])]);
  const left = alice.waitForLeave(nick);
  await call.hangup();
  await left;
});

test('the INVITE names the room, passes allowed headers of the dial on, and no others', async () => {
  const alice = await world.room('headers').join('Alice');
  const ref = refOf(
    await direct(alice, '4711', {
      'X-Outbound-Call-Initiator-Name': 'Zoë',
      'X-Something': 'no',
      'P-Asserted-Identity': '<sip:boss@example.org>',
      Route: '<sip:127.0.0.1:9;lr>',
      From: '<sip:boss@example.org>',
      'Jitsi-Conference-Room': 'elsewhere@conference.meet.test',
      JvbRoomPassword: 'open-sesame',
    }),
  );
  const call = await world.phone.incoming();
  assert.equal(call.header('X-Outbound-Call-Initiator-Name'), 'Zoë');
  assert.equal(call.header('Jitsi-Conference-Room'), alice.room);
  assert.match(call.header('From') ?? '', /^<sip:gateway@127\.0\.0\.1>;tag=/);
  const names = call.request?.message.headers.map(([name]) => name.toLowerCase()) ?? [];
  const usual = [
    'via',
    'max-forwards',
    'from',
    'to',
    'call-id',
    'cseq',
    'contact',
    'allow',
    'accept',
    'supported',
    'session-expires',
    'min-se',
  ];
  const body = ['user-agent', 'content-type', 'content-length'];
  const passed = ['jitsi-conference-room', 'x-outbound-call-initiator-name'];
  assert.deepEqual(
    names.filter((name) => ![...usual, ...body, ...passed].includes(name)),
    [],
  );
  assert.equal(new Set(names).size, names.length, `a header twice: ${names}`);
  assert.doesNotMatch(call.request?.message.body ?? '', /open-sesame/);
  call.ring();
  await alice.hangup(ref);
  await call.ended();
});

test('a dial for a room in which the dialler is not is forbidden, and no phone rings', async () => {
  const [alice, mallory] = await Promise.all([
    world.room('private').join('Alice'),
    world.room('elsewhere').join('Mallory'),
  ]);
  assert.equal(errorOf(await direct(mallory, '4711', { JvbRoomName: alice.room })), 'forbidden');
  const ended = await world.callEnded('private');
  assert.equal(ended.reason, 'not-an-occupant');
  await assert.rejects(world.phone.incoming(100), /no incoming call/);
});

test('a dial that is malformed is a bad request', async () => {
  const alice = await world.room('malformed').join('Alice');
  const header = (name: string, value: string) => direct(alice, '4711', { [name]: value });
  const dials: Record<string, Promise<XmlElement | undefined>> = {
    'CR LF in the number': direct(alice, '4711\r\nX-Evil: 1'),
    'a C1 control in the number': direct(alice, '47\u008511'),
    'LF in an allowed header': header('X-Outbound-Call-Initiator-Name', 'a\nRoute: <sip:evil>'),
    'LF in a header that is not passed on': header('X-Something', 'a\nb'),
    'LF in the name of a header': header('X-A\nRoute', 'sip:evil'),
    'a line separator in a header': header('X-Outbound-Call-Initiator-Name', 'a\u2028b'),
    'no room': direct(alice, '4711', { JvbRoomName: undefined }),
    'a room elsewhere': direct(alice, '4711', { JvbRoomName: 'malformed@conference.example.org' }),
    'an occupant as room': direct(alice, '4711', { JvbRoomName: alice.occupantJid }),
    'a number with a space and a host': direct(alice, '4711 @evil.example'),
    'a URI of another domain': direct(alice, 'sip:4711@evil.example'),
    'no number': direct(alice, ''),
  };
  for (const [what, answer] of Object.entries(dials))
    assert.equal(errorOf(await answer), 'bad-request', what);
  assert.equal(
    errorOf(await alice.dial('4711', undefined, { JvbRoomName: undefined })),
    'service-unavailable',
    'by the focus, which tries no more than that',
  );
  await assert.rejects(world.phone.incoming(100), /no incoming call/);
  assert.equal(alice.others.size, 0);
});

test('only occupants of the room may hang up', async () => {
  const [alice, mallory] = await Promise.all([
    world.room('mine').join('Alice'),
    world.room('other').join('Mallory'),
  ]);
  const ref = refOf(await direct(alice, '4711'));
  const call = await world.phone.incoming();
  call.answer();
  const { realJid } = await world.occupant(alice, ({ status }) => status === 'Connected');
  assert.equal(errorOf(await mallory.hangup(realJid)), 'forbidden');
  assert.deepEqual(
    call.requests.all.map(({ message }) => method(message)),
    ['ACK'],
  );
  assert.equal((await alice.hangup(ref))?.attrs.type, 'result');
  await call.ended();
});
