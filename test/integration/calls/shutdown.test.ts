import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, afterEach, before, test } from 'node:test';
import { Constellation } from '../../kit/constellation.ts';
import type { FocusConference } from '../../kit/focus-conference.ts';
import { type Kamailio, startKamailio } from '../../kit/kamailio.ts';
import type { RawCall } from '../../kit/raw-call.ts';
import { RawPhone } from '../../kit/raw-phone.ts';
import { status, value } from '../../kit/raw-sip.ts';
import { until } from '../../kit/until.ts';

// SIGTERM and SIGINT with calls up: everybody hears goodbye.

let pbx: Kamailio;
let world: Constellation;
let subscriber: RawPhone;

before(async () => {
  pbx = await startKamailio({ users: { gateway: 'g-pass', 4711: 's-pass' } });
  subscriber = await RawPhone.start({
    user: '4711',
    domain: pbx.domain,
    registrar: { host: pbx.host, port: pbx.port, password: 's-pass' },
  });
  assert.equal(await subscriber.register(), 200);
  const account = {
    user: 'gateway',
    domain: pbx.domain,
    password: 'g-pass',
    server: pbx.host,
    port: pbx.port,
  };
  world = await Constellation.start({ account, brewery: true, focus: { minParticipants: 2 } });
  await world.gateway.waitFor('registered');
  await world.jitsi.focus.brewery.ready();
});
afterEach((t) => world.report(t));
after(async () => {
  await world.stop();
  subscriber.stop();
  await pbx.close();
});

/** A caller in conversation. */
async function talking(name: string): Promise<RawCall> {
  const call = await world.dialIn(name);
  await call.answered();
  return call;
}

test('SIGTERM ends every call with its goodbye, unregisters and exits with 0', async () => {
  const { gateway, jitsi } = world;
  const alice = await world.room('talk').join('Alice');
  const call = await talking('talk');
  await alice.dial('4711', world.componentDomain);
  const rung = await subscriber.incoming();
  rung.ring();
  await world.occupant(alice, (seen) => seen.status === 'Ringing');
  const begun = once(jitsi.focus, 'conference') as Promise<[FocusConference]>;
  const waiting = await world.dialIn('empty'); // alone: rings for two seconds
  const [empty] = await begun;
  if (empty.participants.size === 0) await once(empty, 'joined');
  const { conference } = world.room('talk');
  const goodbyes: string[] = [];
  conference.on('terminated', (nick) => goodbyes.push(`${nick} terminated`));
  conference.on('left', (nick) => goodbyes.push(`${nick} left`));
  const nicks = [...alice.others.keys()];
  assert.equal(nicks.length, 2);
  for (const nick of nicks) await jitsi.bridge.connected(alice.room, nick);
  const leaves = nicks.map((nick) => alice.waitForLeave(nick));
  const position = pbx.lines.length;

  gateway.signal('SIGTERM');
  const bye = await call.ended();
  assert.match(bye.startLine, /^BYE /);
  assert.equal(value(bye, 'Reason'), 'SIP;cause=503;text="Gateway is shutting down"');
  assert.match((await rung.ended()).startLine, /^CANCEL /);
  assert.equal(await waiting.final(), 503);
  const refusal = waiting.responses.all.find((message) => status(message) === 503);
  assert.ok(refusal && Number(value(refusal, 'Retry-After')) > 0);
  for (const presence of await Promise.all(leaves)) {
    assert.equal(presence.getChild('status')?.getText(), 'Gateway is shutting down');
  }
  await until('the focus has seen both leave', () => goodbyes.length >= 4);
  for (const nick of nicks) {
    const own = goodbyes.filter((goodbye) => goodbye.startsWith(nick));
    assert.deepEqual(own, [`${nick} terminated`, `${nick} left`]);
  }
  assert.match(await pbx.registered('gateway', position), /expires=0/);
  assert.deepEqual(await gateway.exited, { code: 0, signal: null });
  assert.equal(jitsi.focus.brewery.gateways.size, 0);
  await until('nobody is left in the empty room', () => empty.participants.size === 0);
  assert.match(gateway.text, /"event":"stopped"/);
});

test('a second signal does not wait for goodbyes that nobody answers', async (t) => {
  const other = await Constellation.start({ env: { JIGASI_ALONE_ANSWER_MS: '1' } });
  t.after(async () => {
    await other.gateway.stop('SIGKILL');
    await other.jitsi.stop();
  });
  const call = await other.dialIn('talk');
  await call.answered();
  other.phone.stop(); // its BYE is never answered
  other.gateway.signal('SIGINT');
  await other.gateway.waitFor('stopping');
  other.gateway.signal('SIGINT');
  assert.deepEqual(await other.gateway.exited, { code: 130, signal: null });
  assert.doesNotMatch(other.gateway.text, /"event":"stopped"/);
});
