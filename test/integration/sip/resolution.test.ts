import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { namesFrom } from '../../../src/sip/transport/name-service.ts';
import { type DnsRecord, DnsServer } from '../../kit/dns.ts';
import { ended, quickTimes, startEngine, type TestEngine } from '../../kit/sip-engine.ts';
import { SipPeer, someSdp } from '../../kit/sip-peer.ts';

const local: DnsRecord[] = [{ type: 'A', address: '127.0.0.1', ttl: 1 }];
const srv = (port: number, priority: number, target = 'host.test'): DnsRecord => ({
  type: 'SRV',
  priority,
  weight: 1,
  port,
  target,
});

async function scene(
  context: TestContext,
): Promise<{ gateway: TestEngine; dns: DnsServer; first: SipPeer; second: SipPeer }> {
  const [first, second, dns] = await Promise.all([
    SipPeer.open(),
    SipPeer.open(),
    DnsServer.start({ 'host.test': local }),
  ]);
  dns.zone.set('_sip._udp.pbx.test', [srv(second.port, 20), srv(first.port, 10)]);
  const gateway = await startEngine({
    times: quickTimes,
    names: namesFrom([dns.address]),
    account: { server: 'pbx.test', port: undefined },
  });
  context.after(async () => {
    await gateway.stop();
    first.close();
    second.close();
    dns.close();
  });
  return { gateway, dns, first, second };
}

function dial({ engine, account }: TestEngine) {
  return engine.invite('sip:200@pbx.test', {
    account,
    sdp: someSdp,
    headers: [],
    noAnswerSeconds: 30,
    mayFollow: () => true,
  });
}

test('the servers of SRV are tried in order, for calls and for the registration', async (context) => {
  const { gateway, first, second } = await scene(context);
  const call = dial(gateway);
  first.reply(await first.request('INVITE'), 503);
  const over = ended(call);
  second.reply(await second.request('INVITE'), 603);
  assert.equal((await over).code, 'phone-rejected');
  // The first one said 503: it is not asked again for a while.
  const registration = gateway.engine.register(gateway.account);
  const registered = once(registration, 'registered');
  second.reply(await second.request('REGISTER'), 200, { contact: false });
  await registered;
});

test('a server that moved is found when the TTL is over', async (context) => {
  const { gateway, dns, first, second } = await scene(context);
  dns.zone.set('_sip._udp.pbx.test', [srv(first.port, 10)]);
  const call = dial(gateway);
  const over = ended(call);
  first.reply(await first.request('INVITE'), 486);
  await over;
  dns.zone.set('_sip._udp.pbx.test', [srv(second.port, 10)]);
  const moved = second.request('INVITE');
  for (;;) {
    const again = dial(gateway);
    const which = await Promise.race([
      moved.then(() => 'second'),
      first.request('INVITE').then(() => 'first'),
    ]);
    const peer = which === 'second' ? second : first;
    const end = ended(again);
    const invite = peer.received.filter(({ method }) => method === 'INVITE').at(-1);
    assert.ok(invite);
    peer.reply(invite, 486);
    await end;
    if (which === 'second') break;
  }
});

test('a redirect to a name goes where its NAPTR and SRV say', async (context) => {
  const { gateway, dns, first, second } = await scene(context);
  const replacement = '_sip._udp.other.test';
  dns.zone.set('other.test', [{ type: 'NAPTR', order: 1, preference: 1, service: 'SIP+D2U', replacement }]);
  dns.zone.set(replacement, [srv(second.port, 1)]);
  const call = dial(gateway);
  const lines = ['Contact: <sip:300@other.test>'];
  first.reply(await first.request('INVITE'), 302, { contact: false, lines });
  const invite = await second.request('INVITE');
  assert.equal(invite.startLine, 'INVITE sip:300@other.test SIP/2.0');
  const over = ended(call);
  second.reply(invite, 486);
  assert.equal((await over).code, 'phone-busy');
  assert.ok(dns.asked.includes('NAPTR other.test'));
});

test('a name that does not exist ends the call with its reason', async (context) => {
  const { gateway, dns } = await scene(context);
  dns.zone.clear();
  const why = await ended(dial(gateway));
  assert.equal(why.code, 'phone-unreachable');
  assert.match(why.detail ?? '', /pbx\.test/);
});
