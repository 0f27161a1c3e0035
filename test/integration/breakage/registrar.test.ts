import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { GatewayProcess } from '../../kit/gateway-process.ts';
import { type Kamailio, startKamailio } from '../../kit/kamailio.ts';
import { type Prosody, startProsody } from '../../kit/prosody.ts';
import { RawPhone } from '../../kit/raw-phone.ts';
import { status } from '../../kit/raw-sip.ts';

let prosody: Prosody;
let pbx: Kamailio;
let gateway: GatewayProcess;
let phone: RawPhone;

before(async () => {
  const users = { gateway: 'g-pass', 100: 'p-pass' };
  [prosody, pbx] = await Promise.all([startProsody(), startKamailio({ users, maxExpires: 2 })]);
  const { host, port, domain } = pbx;
  await pbx.stop();
  const account = { user: 'gateway', domain, password: 'g-pass', server: host, port };
  [gateway, phone] = await Promise.all([
    GatewayProcess.start({ xmpp: prosody, account }),
    RawPhone.start({ user: '100', domain, registrar: { host, port, password: 'p-pass' } }),
  ]);
});
after(async () => {
  phone.stop();
  await gateway.stop();
  await Promise.all([pbx.close(), prosody.stop()]);
});

/** OPTIONS to the gateway's address of record: only a registered gateway is reached by it. */
async function reached(): Promise<number | undefined> {
  return status(await phone.request('OPTIONS', `sip:gateway@${pbx.domain}`));
}

test('a registrar that is not there is in the log and tried again, until it is there', async () => {
  const failed = await gateway.waitFor('registration-failed');
  assert.ok(Number(failed.retryMs) > 0);
  const from = gateway.position;
  await pbx.start();
  await gateway.waitFor('registered', from, 30_000);
  assert.equal(await reached(), 200);
});

test('a registrar that was restarted and has forgotten everything is registered with again', async () => {
  const { length } = pbx.lines;
  await pbx.restart();
  await pbx.registered('gateway', length);
  assert.equal(await reached(), 200);
});
