import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import type { SipAccount } from '../../../src/config/config.ts';
import { ended, startEngine, type TestEngine } from '../../kit/sip-engine.ts';
import { SipPeer, someSdp } from '../../kit/sip-peer.ts';

/** An engine with the real 500 ms timers whose server is a port that nobody listens on. */
async function scene(context: TestContext, transport: SipAccount['transport']): Promise<TestEngine> {
  const peer = await SipPeer.open();
  const { port } = peer;
  peer.close();
  const gateway = await startEngine({ account: { port, transport } });
  context.after(() => gateway.stop());
  return gateway;
}

for (const transport of ['udp', 'tcp'] as const) {
  test(`a PBX whose ${transport} port is closed is reported at once`, async (context) => {
    const { engine, account } = await scene(context, transport);
    const began = performance.now();
    const call = engine.invite('sip:1@pbx.test', { account, sdp: someSdp, headers: [], noAnswerSeconds: 30 });
    assert.equal((await ended(call)).code, 'phone-unreachable');
    const registration = engine.register(account);
    const [why] = await once(registration, 'failed');
    assert.equal(why.code, 'phone-unreachable');
    await registration.stop();
    const pinged = await engine.options('sip:pbx.test');
    assert.equal(pinged.ok ? '' : pinged.error.code, 'phone-unreachable');
    assert.ok(performance.now() - began < 30_000, 'not by timer B');
    assert.equal(engine.occupancy().calls, 0);
  });
}

test('a server name that does not resolve ends the call', async (context) => {
  const { engine, account } = await scene(context, 'udp');
  const nowhere = { ...account, server: 'no-such-host.invalid' };
  const options = { account: nowhere, sdp: someSdp, headers: [], noAnswerSeconds: 30 };
  const why = await ended(engine.invite('sip:1@pbx.test', options));
  assert.equal(why.code, 'phone-unreachable');
  assert.match(why.detail ?? '', /no-such-host/);
});
