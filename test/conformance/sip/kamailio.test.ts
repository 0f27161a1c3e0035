import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, type TestContext } from 'node:test';
import type { SipTransport } from '../../../src/config/config.ts';
import { startAuthority } from '../../kit/certificates.ts';
import { type Kamailio, startKamailio } from '../../kit/kamailio.ts';
import { ended, type TestEngineOptions } from '../../kit/sip-engine.ts';
import { type AnyEngine, type EngineKind, onEachEngine, startEngineOf } from '../../kit/sip-engines.ts';
import { someSdp } from '../../kit/sip-peer.ts';

const authority = await startAuthority();
const server = await authority.issue('server', 'IP:127.0.0.1');
after(() => authority.close());

const users = { gateway: 'secret', phone: 'other' };
type User = keyof typeof users;

/** A user of the PBX, registered. */
async function registered(
  context: TestContext,
  kind: EngineKind,
  kamailio: Kamailio,
  user: User,
  transport: SipTransport,
): Promise<AnyEngine> {
  const port = transport === 'tls' ? kamailio.tlsPort : kamailio.port;
  const options: TestEngineOptions = {
    account: { port, transport, user, authUser: user, password: users[user] },
    config: { tls: { caFile: authority.ca } },
  };
  const gateway = await startEngineOf(kind, options);
  context.after(() => gateway.stop());
  const known = kamailio.registered(user);
  const registration = gateway.engine.register(gateway.account);
  assert.deepEqual(await once(registration, 'registered'), [300]);
  await known;
  return gateway;
}

for (const transport of ['udp', 'tcp', 'tls'] as const) {
  for (const algorithm of ['MD5', 'SHA-256'] as const) {
    onEachEngine(
      `kamailio over ${transport} with digest ${algorithm}: registered, called (407, route set), hung up`,
      async (context, kind) => {
        const kamailio = await startKamailio({ users, algorithm, tls: server });
        context.after(() => kamailio.close());
        const gateway = await registered(context, kind, kamailio, 'gateway', transport);
        const phone = await registered(context, kind, kamailio, 'phone', transport);
        const { account, engine } = gateway;
        const options = { account, sdp: someSdp, headers: [], noAnswerSeconds: 10 };
        const call = engine.invite('sip:phone@pbx.test', options);
        const incoming = await phone.nextCall();
        incoming.ring();
        const answered = once(call, 'answered');
        const acknowledged = once(incoming, 'answered');
        incoming.answer(someSdp);
        await Promise.all([answered, acknowledged]);
        assert.equal((await call.info('application/x', 'hello')).ok, true);
        const over = ended(incoming);
        call.end({ code: 'hangup' });
        assert.deepEqual(await over, { code: 'hangup', detail: 'Normal call clearing' });
      },
      // TLS is drachtio-server's own.
      { rfc: '3261 §22, §12.1.1, 8760', ...(transport === 'tls' && { only: 'embedded' }) },
    );
  }
}
