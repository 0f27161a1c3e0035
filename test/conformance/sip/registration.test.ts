import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import type { SipAccount } from '../../../src/config/config.ts';
import { startKamailio } from '../../kit/kamailio.ts';
import { quickTimes } from '../../kit/sip-engine.ts';
import { type AnyEngine, type EngineKind, onEachEngine, startEngineOf } from '../../kit/sip-engines.ts';
import { SipPeer } from '../../kit/sip-peer.ts';

async function scene(
  context: TestContext,
  kind: EngineKind,
  account: Partial<SipAccount> = {},
): Promise<{ gateway: AnyEngine; peer: SipPeer }> {
  const peer = await SipPeer.open();
  const gateway = await startEngineOf(kind, { times: quickTimes, account: { port: peer.port, ...account } });
  context.after(async () => {
    await gateway.stop();
    peer.close();
  });
  return { gateway, peer };
}

onEachEngine(
  'REGISTER names the account, is refreshed in time, and is taken back at the end',
  async (context, kind) => {
    const { gateway, peer } = await scene(context, kind);
    const registration = gateway.engine.register(gateway.account);
    assert.equal(registration.state, 'registering');
    const first = await peer.request('REGISTER');
    assert.equal(first.startLine, 'REGISTER sip:pbx.test SIP/2.0');
    assert.equal(first.header('To'), '"Jitsi" <sip:gateway@pbx.test>'.replace('"Jitsi" ', ''));
    const contact = first.header('Contact');
    assert.equal(contact, `<sip:gateway@127.0.0.1:${gateway.port}>`);
    assert.equal(first.header('Expires'), '300');
    const registered = once(registration, 'registered');
    const others = 'Contact: <sip:other@127.0.0.1:1>;expires=3000';
    peer.reply(first, 200, { contact: false, lines: [others, `Contact: ${contact};expires=1`] });
    assert.deepEqual(await registered, [1]);
    assert.equal(registration.state, 'registered');
    const refresh = await peer.request('REGISTER');
    assert.equal(refresh.header('Call-ID'), first.header('Call-ID'));
    assert.equal(refresh.header('CSeq'), '2 REGISTER');
    const refreshed = once(registration, 'registered');
    peer.reply(refresh, 200, { contact: false, lines: ['Expires: 60'] });
    assert.deepEqual(await refreshed, [60]);
    const stopped = registration.stop();
    const last = await peer.request('REGISTER');
    assert.equal(last.header('Expires'), '0');
    peer.reply(last, 200, { contact: false });
    await stopped;
    assert.equal(registration.state, 'stopped');
  },
  { rfc: '3261 §10.2' },
);

onEachEngine(
  'a refused registration tells the words of the registrar and is tried again',
  async (context, kind) => {
    const { gateway, peer } = await scene(context, kind);
    const registration = gateway.engine.register(gateway.account);
    context.after(() => registration.stop());
    const first = await peer.request('REGISTER');
    const failed = once(registration, 'failed');
    peer.reply(first, 403, { lines: ['Warning: 399 pbx "no such account"'] });
    const [why, retryMs] = await failed;
    assert.deepEqual(why, { code: 'phone-unauthorized', detail: '403 Whatever; 399 pbx "no such account"' });
    assert.ok(retryMs >= 750 && retryMs <= 1_000);
    assert.equal(registration.state, 'failed');
    const second = await peer.request('REGISTER');
    const again = once(registration, 'failed');
    peer.reply(second, 503, { lines: ['Retry-After: 7 (overload)'] });
    assert.equal((await again)[1], 7_000);
  },
  { rfc: '3261 §10.2.4, §20.33' },
);

onEachEngine(
  'a registrar that wants a longer time gets it',
  async (context, kind) => {
    const { gateway, peer } = await scene(context, kind);
    const registration = gateway.engine.register(gateway.account);
    context.after(() => registration.stop());
    peer.reply(await peer.request('REGISTER'), 423, { lines: ['Min-Expires: 1800'] });
    const second = await peer.request('REGISTER');
    assert.equal(second.header('Expires'), '1800');
    const registered = once(registration, 'registered');
    peer.reply(second, 200, { contact: false });
    assert.deepEqual(await registered, [1800]);
  },
  { rfc: '3261 §10.2.8' },
);

onEachEngine(
  'a registrar that is not there is reported, not waited for',
  async (context, kind) => {
    const { gateway } = await scene(context, kind);
    const registration = gateway.engine.register(gateway.account);
    context.after(() => registration.stop());
    const [why] = await once(registration, 'failed');
    assert.equal(why.code, 'phone-unreachable');
  },
  { rfc: '3261 §10.2.7', quick: true },
);

onEachEngine(
  'kamailio refuses a wrong password, and says so once per try',
  async (context, kind) => {
    const kamailio = await startKamailio({ users: { gateway: 'secret' } });
    context.after(() => kamailio.close());
    const { gateway } = await scene(context, kind, { port: kamailio.port, password: 'wrong' });
    const registration = gateway.engine.register(gateway.account);
    const [why] = await once(registration, 'failed');
    assert.equal(why.code, 'phone-unauthorized');
    assert.match(why.detail, /^401 Unauthorized/);
    await registration.stop();
  },
  { rfc: '3261 §22.1' },
);
