import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { dominant, levelAt, locate } from './analysis.ts';
import { type BaresipOptions, startBaresip } from './baresip.ts';
import { type KamailioOptions, startKamailio } from './kamailio.ts';
import { RawPhone } from './raw-phone.ts';
import { status } from './raw-sip.ts';
import { chirp, tone } from './tone.ts';

const users = { alice: 'secret-a', bob: 'secret-b', gateway: 'secret-g', carol: 'secret-c' };

async function pbx(t: TestContext, options: Partial<KamailioOptions> = {}) {
  const kamailio = await startKamailio({ users, ...options });
  t.after(() => kamailio.close());
  const registrar = (user: keyof typeof users) => ({
    host: kamailio.host,
    port: kamailio.port,
    password: users[user],
  });
  const raw = async (user: keyof typeof users) => {
    const phone = await RawPhone.start({ user, domain: kamailio.domain, registrar: registrar(user) });
    t.after(() => phone.stop());
    return phone;
  };
  const baresip = async (user: keyof typeof users, more: Partial<BaresipOptions> = {}) => {
    const phone = await startBaresip({ user, domain: kamailio.domain, registrar: registrar(user), ...more });
    t.after(() => phone.stop());
    return phone;
  };
  return { kamailio, raw, baresip };
}

for (const codec of ['PCMU', 'PCMA', 'G722', 'opus'] as const) {
  test(`two baresip phones talk through kamailio in ${codec} and hear each other's tone`, async (t) => {
    const { baresip } = await pbx(t);
    const alice = await baresip('alice', { codecs: [codec], says: tone(440, 8000, 1) });
    const bob = await baresip('bob', { codecs: [codec], says: tone(700, 8000, 1) });
    await alice.dial('sip:bob@pbx.test');
    await Promise.all([alice.event('CALL_RTPESTAB'), bob.event('CALL_RTPESTAB')]);
    await delay(1000); // a second of audio
    await bob.hangup();
    await alice.event('CALL_CLOSED');
    await bob.event('CALL_CLOSED');
    assert.equal(Math.round(dominant(alice.heard())[0]?.hz ?? 0), 700);
    assert.equal(Math.round(dominant(bob.heard())[0]?.hz ?? 0), 440);
    assert.equal(alice.heard().rate, { PCMU: 8000, PCMA: 8000, G722: 16_000, opus: 48_000 }[codec]);
  });
}

for (const algorithm of ['MD5', 'SHA-256'] as const) {
  test(`kamailio asks for digest with ${algorithm}: a wrong password does not get in`, async (t) => {
    const { kamailio, raw } = await pbx(t, { algorithm });
    const alice = await raw('alice');
    assert.equal(await alice.register(), 200);
    assert.match(await kamailio.registered('alice', 0), /REGISTERED alice/);
    const thief = await RawPhone.start({
      user: 'alice',
      domain: kamailio.domain,
      registrar: { host: kamailio.host, port: kamailio.port, password: 'guessed' },
    });
    t.after(() => thief.stop());
    assert.equal(await thief.register(), 401);
    const stolen = await thief.call('sip:bob@pbx.test');
    assert.equal(await stolen.final(), 407);
  });
}

test('a raw phone and baresip: audio both ways is measured, hold stops it, resume brings it back', async (t) => {
  const { raw, baresip } = await pbx(t);
  const bob = await baresip('bob', { says: tone(700, 8000, 1) });
  const alice = await raw('alice');
  const call = await (await alice.call('sip:bob@pbx.test')).answered();
  call.audio.say(tone(440, 8000, 1));
  await call.audio.recording.more(50);
  const heard = call.audio.recording.heard();
  assert.equal(Math.round(dominant(heard)[0]?.hz ?? 0), 700);
  assert.equal(status(await call.hold()), 200);
  assert.equal(call.remoteSdp?.direction, 'recvonly');
  assert.equal(status(await call.resume()), 200);
  assert.equal(call.remoteSdp?.direction, 'sendrecv');
  await call.audio.recording.more(25);
  await bob.event('CALL_RTPESTAB');
  assert.equal(await call.hangup(), 200);
  await bob.event('CALL_CLOSED');
  assert.ok(levelAt(bob.heard(), 440) > -20);
});

test('a phone that is held by baresip says so; it hears again afterwards', async (t) => {
  const { raw, baresip } = await pbx(t);
  const bob = await baresip('bob', { says: tone(700, 8000, 1) });
  const alice = await raw('alice');
  const call = await (await alice.call('sip:bob@pbx.test')).answered();
  await bob.hold();
  await call.next('INVITE');
  assert.notEqual(call.remoteSdp?.direction, 'sendrecv');
  await bob.resume();
  await call.next('INVITE');
  assert.equal(call.remoteSdp?.direction, 'sendrecv');
  await call.audio.recording.more(10);
  await bob.hangup();
  await call.ended();
});

test('a dialled room reaches the gateway with its header; two raw phones measure their delay', async (t) => {
  const { raw } = await pbx(t);
  const [alice, gateway] = [await raw('alice'), await raw('gateway')];
  assert.equal(await gateway.register(), 200);
  const outgoing = await alice.call('sip:room-standup@pbx.test', { headers: [['X-Test', 'yes']] });
  const incoming = await gateway.incoming();
  assert.equal(incoming.header('Jitsi-Conference-Room'), 'standup');
  assert.equal(incoming.header('X-Test'), 'yes');
  incoming.ring();
  await outgoing.response(180);
  incoming.answer();
  await outgoing.answered();
  await incoming.next('ACK');
  incoming.audio.say(tone(300, 8000, 1));
  await outgoing.audio.recording.more(25);
  const left = await incoming.audio.mark(chirp(8000));
  await outgoing.audio.recording.more(30);
  const recording = outgoing.audio.recording;
  const place = locate(recording.heard(), chirp(8000));
  assert.ok(place && place.likeness > 0.9);
  assert.ok(Math.abs(recording.timeOf(place.at) - left) < 20);
  assert.deepEqual(recording.loss(), {
    expected: recording.packets.length,
    lost: 0,
    duplicates: 0,
    reordered: 0,
  });
  assert.equal(await incoming.hangup([['Reason', 'Q.850;cause=16']]), 200);
  assert.match((await outgoing.ended()).startLine, /^BYE/);
});

test('what a call can end with: 404, 480, busy, rejected by hand, cancelled', async (t) => {
  const { raw, baresip } = await pbx(t);
  const alice = await raw('alice');
  assert.equal(await (await alice.call('sip:nobody@pbx.test')).final(), 404);
  assert.equal(await (await alice.call('sip:carol@pbx.test')).final(), 480);
  const bob = await baresip('bob', { answer: 'manual' });
  const rejected = await alice.call('sip:bob@pbx.test');
  await rejected.response(180);
  await bob.hangup();
  assert.ok([486, 603].includes(await rejected.final()));
  const cancelled = await alice.call('sip:bob@pbx.test');
  await cancelled.response(180);
  assert.equal(await cancelled.cancel(), 200);
  assert.equal(await cancelled.final(), 487);
  const gateway = await raw('gateway');
  await gateway.register();
  const busy = await alice.call('sip:gateway@pbx.test');
  (await gateway.incoming()).reject(486, 'Busy Here');
  assert.equal(await busy.final(), 486);
});

test('a restarted kamailio has forgotten every registration', async (t) => {
  const { kamailio, raw } = await pbx(t);
  const [alice, bob] = [await raw('alice'), await raw('bob')];
  await bob.register();
  await kamailio.restart();
  assert.equal(await (await alice.call('sip:bob@pbx.test')).final(), 480);
  await bob.register();
  const call = await alice.call('sip:bob@pbx.test');
  (await bob.incoming()).answer();
  await call.answered();
});

test('an event that did not come in time is there for who asks next', async (t) => {
  const { raw, baresip } = await pbx(t);
  const [alice, bob] = [await raw('alice'), await baresip('bob')];
  await assert.rejects(bob.event('CALL_ESTABLISHED', 50), /no CALL_ESTABLISHED/);
  const call = await (await alice.call('sip:bob@pbx.test')).answered();
  await bob.event('CALL_ESTABLISHED');
  await call.hangup();
});
