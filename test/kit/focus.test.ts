import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { ns } from './focus-stanzas.ts';
import { type Jitsi, startJitsi } from './jitsi.ts';
import { shape } from './stanza-shape.ts';
import { StubGateway } from './stub-gateway.ts';
import { parseXml, payload, type XmlElement, xml } from './xml.ts';

// Each stanza of the kit's focus, as a gateway or a browser gets it through Prosody, has the elements, attributes and
// namespaces of the captured one: what is proven with the kit holds with Jicofo.

const fixture = readFileSync(new URL('../fixtures/captures/from-focus.xml', import.meta.url), 'utf8');
const captured = [...fixture.matchAll(/^<!-- (\S+) \(capture [^)]+\) --> (.+)$/gm)].map(
  ([, name = '', stanza = '']) => ({ name, stanza: parseXml(stanza) }),
);

const seen = new Map<string, XmlElement>();
const conference = 'conference.meet.test';
const brewery = 'jigasibrewery@internal.auth.meet.test';
const call = (name: string) => `${name}@callcontrol.meet.test/x`;
let jitsi: Jitsi;
let gateway: StubGateway;

before(async () => {
  jitsi = await startJitsi({ bridge: false, focus: { idleMs: 300, restartIntervalMs: 60_000 } });
  gateway = await StubGateway.connect(jitsi.prosody);
  await twoCallsAndAThird();
  await endings();
  await mutesAndKicks();
  await dials();
  await odd();
});

after(async () => {
  await gateway?.close();
  await jitsi?.stop();
});

const jingle = (action: string, sid: string | undefined, ...children: XmlElement[]) =>
  xml('jingle', { xmlns: ns.jingle, action, sid }, ...children);
const bye = () => xml('reason', {}, xml('success'), xml('text', {}, 'bye'));
const sidOf = (offer: XmlElement) => payload(offer)?.attrs.sid;
const bridgeSession = (offer: XmlElement, restart?: string) =>
  xml('bridge-session', {
    xmlns: ns.focus,
    id: payload(offer)?.getChild('bridge-session')?.attrs.id,
    restart,
  });
const focusPresence = (to: string) =>
  gateway.take('presence of the focus', (stanza) => {
    return stanza.is('presence') && stanza.attrs.to === to && stanza.attrs.from?.endsWith('/focus') === true;
  });

/** Conference request and join, as a call does it. */
async function enter(name: string, room: string): Promise<string> {
  seen.set('conference-result', await gateway.conference(call(name), `${room}@${conference}`));
  gateway.join(call(name), `${room}@${conference}/${name}`);
  return call(name);
}

async function twoCallsAndAThird(): Promise<void> {
  const one = await enter('aaaa0001', 'r1');
  seen.set('focus-presence', await focusPresence(one));
  seen.set('disco-get', await gateway.take('disco', (stanza) => stanza.attrs.type === 'get'));
  const two = await enter('bbbb0002', 'r1');
  seen.set('focus-presence-with-bridge', await focusPresence(one));
  const [toOne, toTwo] = [
    await gateway.jingle('session-initiate', one),
    await gateway.jingle('session-initiate', two),
  ];
  seen.set('session-initiate', toOne);
  seen.set('accept-result', await gateway.accept(toOne, 1001));
  await gateway.accept(toTwo, 1002);
  seen.set('source-add', await gateway.jingle('source-add', two));
  await gateway.jingle('source-add', one);
  const three = await enter('cccc0003', 'r1');
  const toThree = await gateway.jingle('session-initiate', three);
  seen.set('session-initiate-with-sources', toThree);
  seen.set('error-duplicate-ssrc', await gateway.accept(toThree, 1001));
  const end = jingle('session-terminate', sidOf(toThree), bye());
  seen.set('error-gone', await gateway.request(three, `r1@${conference}/focus`, end));
}

async function endings(): Promise<void> {
  const focus = `r2@${conference}/focus`;
  const [one, two] = [await enter('dddd0001', 'r2'), await enter('dddd0002', 'r2')];
  const [toOne, toTwo] = [
    await gateway.jingle('session-initiate', one),
    await gateway.jingle('session-initiate', two),
  ];
  await gateway.accept(toOne, 2001);
  await gateway.accept(toTwo, 2002);
  const unmarked = jingle('session-terminate', sidOf(toTwo), xml('reason', {}, xml('success')));
  unmarked.attrs.initiator = 'focus@auth.meet.test/focus';
  seen.set('error-no-bridge-session', await gateway.request(two, focus, unmarked));
  seen.set('error-unknown-sid', await gateway.request(two, focus, jingle('session-info', 'nosuchsid')));

  await restart(one, focus, toOne);
  const again = await gateway.jingle('session-initiate', one);
  await gateway.accept(again, 2001);
  const limited = await restart(one, focus, again);
  seen.set('error-rate-limited', limited);
  seen.set('source-remove', await removal());
  gateway.leave(two, `r2@${conference}/dddd0002`);
  gateway.leave(one, `r2@${conference}/dddd0001`);
}

function restart(from: string, focus: string, offer: XmlElement): Promise<XmlElement> {
  const why = xml('reason', {}, xml('connectivity-error'));
  const request = jingle('session-terminate', sidOf(offer), why, bridgeSession(offer, 'true'));
  request.attrs.initiator = 'focus@auth.meet.test/focus';
  return gateway.request(from, focus, request);
}

/** A participant takes its source back: the others are told. */
async function removal(): Promise<XmlElement> {
  const [one, two] = [await enter('eeee0001', 'r3'), await enter('eeee0002', 'r3')];
  const [toOne, toTwo] = [
    await gateway.jingle('session-initiate', one),
    await gateway.jingle('session-initiate', two),
  ];
  await gateway.accept(toOne, 3001);
  await gateway.accept(toTwo, 3002);
  const room = jitsi.room('r3');
  await gateway.request(
    two,
    `${room.jid}/focus`,
    jingle('session-terminate', sidOf(toTwo), bye(), bridgeSession(toTwo)),
  );
  const removed = await gateway.jingle('source-remove', one);
  gateway.leave(two, `${room.jid}/eeee0002`);
  seen.set('terminate-expired', await gateway.jingle('session-terminate', one));
  return removed;
}

async function mutesAndKicks(): Promise<void> {
  const room = jitsi.room('r4');
  const alice = await (await room.join('Alice')).becomesModerator();
  const one = await enter('ffff0001', 'r4');
  const offer = await gateway.jingle('session-initiate', one);
  await gateway.accept(offer, 4001);
  const mute = gateway.take('mute', (stanza) => payload(stanza)?.is('mute') === true);
  await alice.mute('ffff0001');
  seen.set('mute', await mute);
  const theirs = xml('mute', { xmlns: ns.mute, jid: alice.occupantJid }, 'true');
  seen.set('error-mute', await gateway.request(one, `${room.jid}/focus`, theirs));
  room.moderation.bridgeGone();
  seen.set('terminate-moving', await gateway.jingle('session-terminate', one));
  const without = (stanza: XmlElement) => stanza.getChild('bridgeNotAvailable') !== undefined;
  seen.set('focus-presence-without-bridge', await gateway.take('bridgeNotAvailable', without));
  await alice.kick('ffff0001');
  seen.set('kicked', await gateway.take('kick', (stanza) => stanza.toString().includes('307')));
  await alice.leave();
}

async function dials(): Promise<void> {
  const room = jitsi.room('r5');
  const alice = await (await room.join('Alice')).becomesModerator();
  const bob = await room.join('Bob');
  const answer = async (promise: Promise<XmlElement | undefined>) => (await promise) as XmlElement;
  seen.set('dial-unavailable', await answer(alice.dial('+4930123')));
  seen.set('dial-forbidden', await answer(bob.dial('+49')));
  gateway.enterBrewery(call('gw'), `${brewery}/gw-1`);
  seen.set('brewery-focus-presence', await focusPresence(call('gw')));
  await jitsi.focus.brewery.ready();
  const dialled = answer(alice.dial('+4930123', undefined, { 'X-Custom': 'abc' }));
  const forwarded = await gateway.take('dial', (stanza) => payload(stanza)?.is('dial') === true);
  seen.set('dial-forwarded', forwarded);
  const { id, from: to, to: from } = forwarded.attrs;
  gateway.send(
    xml('iq', { type: 'result', id, to, from }, xml('ref', { xmlns: ns.rayo, uri: `xmpp:${room.jid}/x` })),
  );
  seen.set('dial-result', await dialled);
  const one = await enter('abcd0001', 'r5');
  await gateway.jingle('session-initiate', one);
  void alice.hangup(`xmpp:${room.jid}/abcd0001`);
  seen.set('hangup', await gateway.take('hangup', (stanza) => payload(stanza)?.is('hangup') === true));
  gateway.leave(one, `${room.jid}/abcd0001`);
  await Promise.all([alice.leave(), bob.leave()]);
}

async function odd(): Promise<void> {
  const errors = (stanza: XmlElement) => stanza.is('presence') && stanza.attrs.type === 'error';
  gateway.join(call('early'), `r6@${conference}/abababab`);
  seen.set('join-before-conference', await gateway.take('error', errors));

  const room = jitsi.room('r7');
  const alice = await room.join('Alice', { properties: { startAudioMuted: '1' } });
  await room.moderation.setPassword('s3cret');
  gateway.join(call('nopass'), `${room.jid}/acacacac`);
  seen.set('wrong-password', await gateway.take('error', errors));
  gateway.join(call('pass'), `${room.jid}/acacacac`, 's3cret');
  seen.set('session-initiate-start-muted', await gateway.jingle('session-initiate', call('pass')));
  gateway.leave(call('pass'), `${room.jid}/acacacac`);

  await alice.leave();

  const bob = await jitsi.room('r8').join('Bob');
  gateway.without.add('urn:xmpp:jingle:apps:rtp:audio');
  const deaf = await enter('adadadad', 'r8');
  seen.set('session-initiate-without-audio', await gateway.jingle('session-initiate', deaf));
  await bob.leave();
}

for (const { name, stanza } of captured) {
  test(`${name} is shaped as captured`, () => {
    const ours = seen.get(name);
    assert.ok(ours, 'the kit sent none');
    assert.deepEqual(shape(ours), shape(stanza));
  });
}
