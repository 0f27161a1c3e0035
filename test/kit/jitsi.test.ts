import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { discoQuery } from './focus-stanzas.ts';
import { type Jitsi, startJitsi } from './jitsi.ts';
import { StubGateway } from './stub-gateway.ts';
import { payload } from './xml.ts';

// What the kit's Jitsi does over time, beside the shapes of its stanzas: reference/jitsi-live.md, "Leaving, moving, breaking".

let jitsi: Jitsi;
let gateway: StubGateway;

beforeEach(async () => {
  jitsi = await startJitsi({ bridge: false, focus: { idleMs: 400, emptyMs: 300 } });
  gateway = await StubGateway.connect(jitsi.prosody);
});

afterEach(async () => {
  await gateway.close();
  await jitsi.stop();
});

const phone = 'call-1@callcontrol.meet.test/x';
const isJingle = (action: string) => (stanza: { toString(): string }) =>
  stanza.toString().includes(`action="${action}"`);

/** The phone joins the room and accepts the offer; resolves with the offer's sid. */
async function join(room: string, nick = 'aaaa0001', ssrc = 1001): Promise<string | undefined> {
  await gateway.conference(phone, room);
  gateway.join(phone, `${room}/${nick}`);
  const offer = await gateway.jingle('session-initiate', phone);
  await gateway.accept(offer, ssrc);
  return payload(offer)?.attrs.sid;
}

test('somebody alone is not invited; with a second both are; who is left alone gets `expired`, and a new offer when the next comes', async () => {
  const room = jitsi.room('r');
  const alice = await room.join('Alice');
  await delay(100);
  assert.equal(alice.sid, undefined);
  const first = await join(room.jid);
  await alice.leave(true);
  const ended = await gateway.jingle('session-terminate', phone);
  assert.equal(payload(ended)?.attrs.sid, first);
  assert.equal(gateway.received.find(isJingle('source-remove')), undefined, 'no source-remove for a leaver');
  const bob = await room.join('Bob');
  const again = await gateway.jingle('session-initiate', phone);
  assert.notEqual(payload(again)?.attrs.sid, first);
  await gateway.accept(again, 1001);
  await bob.leave();
});

test('a killed focus stays as a ghost, and comes back only when asked: with a new sid and no end of the old one', async () => {
  const room = jitsi.room('r');
  await room.join('Alice');
  const first = await join(room.jid);
  await jitsi.focus.kill(200);
  const left = (stanza: { attrs: Record<string, string | undefined> }) =>
    stanza.attrs.from === `${room.jid}/focus` && stanza.attrs.type === 'unavailable';
  await gateway.take('unavailable of the focus', left);
  await jitsi.focus.start();
  await delay(100);
  assert.equal(gateway.received.find(isJingle('session-initiate')), undefined);
  await gateway.conference(phone, room.jid);
  const again = await gateway.jingle('session-initiate', phone);
  assert.notEqual(payload(again)?.attrs.sid, first);
  assert.equal(gateway.received.find(isJingle('session-terminate')), undefined);
});

test('after a restart of Prosody the focus is back by itself and makes the room again when asked', async () => {
  const room = jitsi.room('r');
  await room.join('Alice');
  await join(room.jid);
  await jitsi.prosody.restart();
  await jitsi.focus.ready();
  gateway = await StubGateway.connect(jitsi.prosody);
  const bob = await room.join('Bob');
  await join(room.jid, 'bbbb0002');
  assert.equal(bob.others.size, 1);
});

test('a room that everybody left is gone: the next join needs a conference request', async () => {
  const room = jitsi.room('r');
  const alice = await room.join('Alice');
  const { conference } = room;
  const ended = once(conference, 'ended');
  await alice.leave();
  await ended;
  await conference.entity.request(discoQuery('conference.meet.test')); // Prosody has seen the leave by now
  gateway.join(phone, `${room.jid}/aaaa0001`);
  const error = await gateway.take('error', (stanza) => stanza.attrs.type === 'error');
  assert.match(error.toString(), /Room creation is restricted/);
});

test('a second Jitsi runs beside the first', async () => {
  const other = await startJitsi({ bridge: false });
  try {
    const [alice, bob] = await Promise.all([jitsi.room('r').join('Alice'), other.room('r').join('Bob')]);
    assert.equal(alice.others.size + bob.others.size, 0);
  } finally {
    await other.stop();
  }
});
