import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { GatewayProcess, type GatewayProcessOptions } from '../kit/gateway-process.ts';
import { startKamailio } from '../kit/kamailio.ts';
import { startProsody } from '../kit/prosody.ts';

async function surroundings(t: TestContext) {
  const [prosody, pbx] = await Promise.all([startProsody(), startKamailio({ users: { gateway: 'g-pass' } })]);
  const options: GatewayProcessOptions = {
    xmpp: prosody,
    account: { user: 'gateway', domain: pbx.domain, password: 'g-pass', server: pbx.host, port: pbx.port },
  };
  t.after(async () => {
    await pbx.close();
    await prosody.stop();
  });
  return { prosody, pbx, options };
}

test('the program connects and registers; SIGTERM unregisters, frees every port and exits 0', async (t) => {
  const { pbx, options } = await surroundings(t);
  const gateway = await GatewayProcess.start(options);
  t.after(() => gateway.stop('SIGKILL'));
  await gateway.waitFor('registered');
  assert.ok(gateway.sockets().udp.includes(gateway.sipPort));
  assert.deepEqual(gateway.mediaPorts(), [], 'no media port is bound without a call');
  const { length } = pbx.lines;
  assert.deepEqual(await gateway.stop(), { code: 0, signal: null });
  assert.match(await pbx.registered('gateway', length), /expires=0/);
  assert.doesNotMatch(gateway.text, /g-pass|"event":"bug"/);
});

test('a wrong component secret is a clear error with exit code 78', async (t) => {
  const { options } = await surroundings(t);
  const gateway = await GatewayProcess.launch({ ...options, xmpp: { ...options.xmpp, secret: 'not-it' } });
  t.after(() => gateway.stop('SIGKILL'));
  assert.deepEqual(await gateway.exited, { code: 78, signal: null });
  assert.match(gateway.text, /secret/i);
  assert.doesNotMatch(gateway.text, /"event":"ready"/);
});

test('without a SIP account it says which variables to set, and exits with 78', async (t) => {
  const xmpp = { host: '127.0.0.1', componentPort: 1, domain: 'meet.test', secret: 'x' };
  const gateway = await GatewayProcess.launch({ xmpp, account: undefined });
  t.after(() => gateway.stop('SIGKILL'));
  assert.deepEqual(await gateway.exited, { code: 78, signal: null });
  for (const name of ['JIGASI_SIP_URI', 'JIGASI_SIP_PASSWORD', 'JIGASI_SIP_SERVER']) {
    assert.ok(gateway.text.includes(name), `${name} in: ${gateway.text}`);
  }
});

test('a registrar that refuses the password is in the log with its words, and is tried again', async (t) => {
  const { options } = await surroundings(t);
  assert.ok(options.account);
  const gateway = await GatewayProcess.start({
    ...options,
    account: { ...options.account, password: 'wrong' },
  });
  t.after(() => gateway.stop('SIGKILL'));
  const line = await gateway.waitFor('registration-failed');
  assert.match(line.text, /401|Unauthorized/);
  assert.ok(Number(line.retryMs) > 0);
  assert.deepEqual(await gateway.stop(), { code: 0, signal: null });
});
