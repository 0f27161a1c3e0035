import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayProcess } from '../../kit/gateway-process.ts';
import { startJitsi } from '../../kit/jitsi.ts';
import { startProsody } from '../../kit/prosody.ts';
import { RawPhone } from '../../kit/raw-phone.ts';
import { dial, startTalk, trunk } from './talk.ts';

test('a gateway that is started before Prosody keeps trying, refuses calls meanwhile, and then works', async (t) => {
  const [jitsi, phone] = await Promise.all([startJitsi(), RawPhone.start({ user: '100' })]);
  await jitsi.focus.stop();
  await jitsi.prosody.kill();
  const gateway = await GatewayProcess.launch(trunk(jitsi.prosody, phone));
  t.after(async () => {
    await gateway.stop();
    phone.stop();
    await jitsi.stop();
  });
  const stage = { jitsi, phone, gateway };
  await gateway.waitFor(({ reason }) => /ECONNREFUSED/.test(String(reason)));
  const tooEarly = await dial(stage, 'early');
  assert.equal(await tooEarly.final(), 503, 'a caller is told at once that the conference is not there');
  await jitsi.prosody.start();
  await jitsi.focus.start();
  await gateway.waitFor('ready');
  const talk = await startTalk(stage, 'late');
  await talk.hangup();
});

test('a wrong secret ends the program with 78 and says which settings must be equal', async (t) => {
  const [prosody, phone] = await Promise.all([startProsody(), RawPhone.start({ user: '100' })]);
  t.after(async () => {
    phone.stop();
    await prosody.stop();
  });
  const options = trunk({ ...prosody, secret: 'not-the-secret' }, phone);
  const gateway = await GatewayProcess.launch(options);
  t.after(() => gateway.stop('SIGKILL'));
  assert.deepEqual(await gateway.exited, { code: 78, signal: null }, gateway.text);
  const last = gateway.log.findLast(({ event }) => event === 'fatal');
  assert.match(last?.msg ?? '', /--secret must equal component_secret .*callcontrol\.meet\.test/);
  assert.doesNotMatch(gateway.text, /not-the-secret/, 'a secret is never logged');
});

test('a wrong configuration ends the program with 78 and every problem at once', async (t) => {
  const gateway = await GatewayProcess.launch({
    xmpp: { host: '127.0.0.1', componentPort: 1, domain: 'meet.test', secret: 'x' },
    account: undefined,
    env: { JIGASI_SIP_URI: 'nobody', JIGASI_SIP_PORT: '70000', JIGASI_ROOM_LOST_SECONDS: 'long' },
  });
  t.after(() => gateway.stop('SIGKILL'));
  assert.deepEqual(await gateway.exited, { code: 78, signal: null }, gateway.text);
  for (const name of ['JIGASI_SIP_URI', 'JIGASI_SIP_PORT', 'JIGASI_ROOM_LOST_SECONDS', 'JIGASI_SIP_PASSWORD'])
    assert.ok(gateway.text.includes(name), `${name} in: ${gateway.text}`);
});
