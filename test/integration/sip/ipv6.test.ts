import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import type { SipAccount, SipTransport } from '../../../src/config/config.ts';
import { ended, startEngine, type TestEngine } from '../../kit/sip-engine.ts';

const sdp = ['v=0', 'o=- 1 1 IN IP6 ::1', 's=-', 'c=IN IP6 ::1', 't=0 0', 'm=audio 40000 RTP/AVP 0', ''].join(
  '\r\n',
);

async function both(context: TestContext, account: Partial<SipAccount>): Promise<TestEngine> {
  const engine = await startEngine({
    account: { password: undefined, ...account },
    config: { listen: { address: '127.0.0.1', address6: '::1', port: 0, transports: ['udp', 'tcp'] } },
  });
  context.after(() => engine.stop());
  return engine;
}

for (const transport of ['udp', 'tcp'] as SipTransport[]) {
  for (const server of ['::1', '127.0.0.1']) {
    test(`a call over ${transport} to ${server} by one engine that listens on both families`, async (context) => {
      const callee = await both(context, {});
      const caller = await both(context, { server, port: callee.port, transport });
      const { engine, account } = caller;
      const call = engine.invite('sip:room@pbx.test', { account, sdp, headers: [], noAnswerSeconds: 10 });
      const incoming = await callee.nextCall();
      assert.equal(incoming.localAddress, server);
      assert.equal(call.localAddress, server);
      const [answered, acknowledged] = [once(call, 'answered'), once(incoming, 'answered')];
      incoming.answer(sdp);
      await Promise.all([answered, acknowledged]);
      const over = ended(call);
      incoming.end({ code: 'hangup' });
      assert.equal((await over).code, 'hangup');
    });
  }
}
