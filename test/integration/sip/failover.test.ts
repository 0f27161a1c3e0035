import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import type { SipAccount } from '../../../src/config/config.ts';
import { startKamailio } from '../../kit/kamailio.ts';
import { ended, quickTimes, startEngine, type TestEngine } from '../../kit/sip-engine.ts';
import { SipPeer, someSdp } from '../../kit/sip-peer.ts';

const host = '127.0.0.1';

async function twoServers(
  context: TestContext,
  account: Partial<SipAccount> = {},
): Promise<{ gateway: TestEngine; first: SipPeer; second: SipPeer }> {
  const [first, second] = await Promise.all([SipPeer.open(), SipPeer.open()]);
  const gateway = await startEngine({
    times: quickTimes,
    account: { port: first.port, backupServers: [{ host, port: second.port }], ...account },
  });
  context.after(async () => {
    await gateway.stop();
    first.close();
    second.close();
  });
  return { gateway, first, second };
}

function dial({ engine, account }: TestEngine) {
  return engine.invite('sip:200@pbx.test', { account, sdp: someSdp, headers: [], noAnswerSeconds: 30 });
}

test('a registrar that came back with an empty table has us again, without waiting for the expiry', async (context) => {
  const kamailio = await startKamailio({ users: { gateway: 'secret' } });
  context.after(() => kamailio.close());
  const gateway = await startEngine({
    account: { port: kamailio.port, expiresSeconds: 3600, checkSeconds: 1 },
  });
  context.after(() => gateway.stop());
  const registration = gateway.engine.register(gateway.account);
  await once(registration, 'registered');
  const before = kamailio.lines.length;
  await kamailio.restart();
  await kamailio.registered('gateway', before);
  assert.equal(registration.state, 'registered');
});

test('a refresh answers with the nonce it has: one round trip', async (context) => {
  const { gateway, first } = await twoServers(context, { checkSeconds: 1 });
  const registration = gateway.engine.register(gateway.account);
  const challenge = 'WWW-Authenticate: Digest realm="pbx", nonce="n1", qop="auth"';
  first.reply(await first.request('REGISTER'), 401, { lines: [challenge] });
  const proven = await first.request('REGISTER');
  assert.match(proven.header('Authorization') ?? '', /nonce="n1".*nc=00000001/);
  const registered = once(registration, 'registered');
  first.reply(proven, 200, { contact: false });
  await registered;
  const refresh = await first.request('REGISTER');
  assert.match(refresh.header('Authorization') ?? '', /nonce="n1".*nc=00000002/);
  const stale = 'WWW-Authenticate: Digest realm="pbx", nonce="n2", qop="auth", stale=true';
  first.reply(refresh, 401, { lines: [stale] });
  const again = await first.request('REGISTER');
  assert.deepEqual(
    again.all('Authorization').map((value) => /nonce="(\w+)"/.exec(value)?.[1]),
    ['n2'],
  );
  first.reply(again, 200, { contact: false });
});

test('a registrar that is silent is passed over, and the calls go where we are registered', async (context) => {
  const { gateway, second } = await twoServers(context);
  const registration = gateway.engine.register(gateway.account);
  const registered = once(registration, 'registered');
  second.reply(await second.request('REGISTER'), 200, { contact: false });
  await registered;
  const call = dial(gateway);
  const invite = await second.request('INVITE');
  second.reply(invite, 486);
  assert.equal((await ended(call)).code, 'phone-busy');
});

test('a registrar that says 503 is passed over for as long as it asked', async (context) => {
  const { gateway, first, second } = await twoServers(context, { checkSeconds: 1 });
  const registration = gateway.engine.register(gateway.account);
  first.reply(await first.request('REGISTER'), 503, { lines: ['Retry-After: 120'] });
  const registered = once(registration, 'registered');
  second.reply(await second.request('REGISTER'), 200, { contact: false });
  await registered;
  second.reply(await second.request('REGISTER'), 200, { contact: false });
  assert.equal(new Set(first.received.flatMap((message) => message.all('CSeq'))).size, 1);
});
