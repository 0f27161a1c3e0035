import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Constellation } from '../../kit/constellation.ts';
import { GatewayProcess } from '../../kit/gateway-process.ts';
import { RawPhone } from '../../kit/raw-phone.ts';
import { value } from '../../kit/raw-sip.ts';
import { startTalk, trunk } from './talk.ts';

const inOrder = { code: 0, signal: null };

async function start(t: TestContext): Promise<Constellation> {
  const stage = await Constellation.start();
  t.after(() => stage.stop());
  return stage;
}

test('SIGTERM while Prosody is away: the phone still gets its BYE, and the program ends in order', async (t) => {
  const stage = await start(t);
  const { call } = await startTalk(stage, 'cut-off');
  const from = stage.gateway.position;
  await stage.jitsi.prosody.kill();
  await stage.gateway.waitFor('xmpp-offline', from);
  stage.gateway.signal('SIGTERM');
  assert.match(value(await call.ended(), 'Reason') ?? '', /shutting down/);
  assert.deepEqual(await stage.gateway.exited, inOrder);
});

test('SIGTERM while nothing answers, neither Prosody nor the phone: the program ends in order all the same', async (t) => {
  const stage = await Constellation.start();
  t.after(() => stage.jitsi.stop());
  await startTalk(stage, 'deserted');
  stage.jitsi.bridge.impair({ blackout: true });
  stage.phone.stop();
  await stage.jitsi.focus.kill();
  await stage.jitsi.prosody.kill();
  stage.gateway.signal('SIGTERM');
  assert.deepEqual(await stage.gateway.exited, inOrder);
});

test('SIGTERM before Prosody was ever there: the program ends in order', async (t) => {
  const phone = await RawPhone.start({ user: '100' });
  t.after(() => phone.stop());
  const nowhere = { host: '127.0.0.1', componentPort: 1, domain: 'meet.test', secret: 'x' };
  const gateway = await GatewayProcess.launch(trunk(nowhere, phone));
  t.after(() => gateway.stop('SIGKILL'));
  await gateway.waitFor(({ reason }) => /ECONNREFUSED/.test(String(reason)));
  gateway.signal('SIGTERM');
  assert.deepEqual(await gateway.exited, inOrder);
});
