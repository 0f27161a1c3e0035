import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import type { SipAccount } from '../../../src/config/config.ts';
import { ended } from '../../kit/sip-engine.ts';
import { type AnyEngine, type EngineKind, onEachEngine, startEngineOf } from '../../kit/sip-engines.ts';
import { SipPeer, someSdp } from '../../kit/sip-peer.ts';

/** An engine with the real 500 ms timers whose server is a port that nobody listens on. */
async function scene(
  context: TestContext,
  kind: EngineKind,
  transport: SipAccount['transport'],
): Promise<AnyEngine> {
  const peer = await SipPeer.open();
  const { port } = peer;
  peer.close();
  const gateway = await startEngineOf(kind, { account: { port, transport } });
  context.after(() => gateway.stop());
  return gateway;
}

for (const transport of ['udp', 'tcp'] as const) {
  onEachEngine(
    `a PBX whose ${transport} port is closed is reported at once`,
    async (context, kind) => {
      const { engine, account } = await scene(context, kind, transport);
      const began = performance.now();
      const call = engine.invite('sip:1@pbx.test', {
        account,
        sdp: someSdp,
        headers: [],
        noAnswerSeconds: 30,
      });
      assert.equal((await ended(call)).code, 'phone-unreachable');
      const registration = engine.register(account);
      const [why] = await once(registration, 'failed');
      assert.equal(why.code, 'phone-unreachable');
      await registration.stop();
      const pinged = await engine.options('sip:pbx.test');
      // A drachtio-server says 503 in the place of a peer that it cannot reach.
      assert.ok(pinged.ok ? pinged.value === 503 : pinged.error.code === 'phone-unreachable');
      assert.ok(performance.now() - began < 30_000, 'not by timer B');
      assert.equal(engine.occupancy().calls, 0);
    },
    { rfc: '3261 §8.1.3.1' },
  );
}

onEachEngine(
  'a server name that does not resolve ends the call',
  async (context, kind) => {
    const { engine, account } = await scene(context, kind, 'udp');
    const nowhere = { ...account, server: 'no-such-host.invalid' };
    const options = { account: nowhere, sdp: someSdp, headers: [], noAnswerSeconds: 30 };
    const why = await ended(engine.invite('sip:1@pbx.test', options));
    assert.equal(why.code, 'phone-unreachable');
    assert.match(why.detail ?? '', /no-such-host/);
  },
  { rfc: '3263 §4' },
);
