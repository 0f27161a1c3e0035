import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import type { SipConfig } from '../../../src/config/config.ts';
import { ended, quickTimes, startEngine, type TestEngine } from '../../kit/sip-engine.ts';
import { type RawMessage, SipPeer, someSdp } from '../../kit/sip-peer.ts';

async function scene(
  context: TestContext,
  config: Partial<SipConfig> = {},
): Promise<{ gateway: TestEngine; peer: SipPeer }> {
  const peer = await SipPeer.open();
  const gateway = await startEngine({ times: quickTimes, account: { port: peer.port }, config });
  context.after(async () => {
    await gateway.stop();
    peer.close();
  });
  return { gateway, peer };
}

/** Answers as a peer that sees us from behind a NAT. */
function replyThroughNat(peer: SipPeer, request: RawMessage, address: string, port: number): void {
  const text = peer.replyText(request, 200, { contact: false });
  peer.send(text.replace(/;rport(?=\r)/, `;rport=${port};received=${address}`), request.port);
}

test('the address that the registrar sees is registered at once, in place of the private one, and used in calls', async (context) => {
  const { gateway, peer } = await scene(context);
  const registration = gateway.engine.register(gateway.account);
  const first = await peer.request('REGISTER');
  const own = `<sip:gateway@127.0.0.1:${gateway.port}>`;
  assert.equal(first.header('Contact'), own);
  const registered = once(registration, 'registered');
  replyThroughNat(peer, first, '203.0.113.7', 61_000);
  await registered;
  const second = await peer.next(
    ({ method, header }) => method === 'REGISTER' && header('CSeq') !== first.header('CSeq'),
  );
  assert.deepEqual(second.all('Contact'), ['<sip:gateway@203.0.113.7:61000>', `${own};expires=0`]);
  assert.match(second.header('Via') ?? '', new RegExp(`127.0.0.1:${gateway.port};`));
  replyThroughNat(peer, second, '203.0.113.7', 61_000);
  const { engine, account } = gateway;
  assert.deepEqual(await engine.localAddressFor(account), { ok: true, value: '203.0.113.7' });
  const call = engine.invite('sip:200@pbx.test', { account, sdp: someSdp, headers: [], noAnswerSeconds: 9 });
  const invite = await peer.request('INVITE');
  assert.equal(invite.header('Contact'), '<sip:gateway@203.0.113.7:61000>');
  const over = ended(call);
  peer.reply(invite, 486);
  await over;
  peer.send(peer.requestText('INVITE', { port: gateway.port, callId: 'in', body: someSdp }), gateway.port);
  const incoming = await gateway.nextCall();
  assert.equal(incoming.localAddress, '203.0.113.7');
  incoming.answer(someSdp);
  const accepted = await peer.response(200, 'INVITE');
  assert.equal(accepted.header('Contact'), '<sip:room@203.0.113.7:61000>');
});

test('an address that changes later is registered at once, and the former one is taken back', async (context) => {
  const peer = await SipPeer.open();
  const gateway = await startEngine({ times: quickTimes, account: { port: peer.port, checkSeconds: 1 } });
  context.after(async () => {
    await gateway.stop();
    peer.close();
  });
  gateway.engine.register(gateway.account);
  const own = `<sip:gateway@127.0.0.1:${gateway.port}>`;
  replyThroughNat(peer, await peer.request('REGISTER'), '127.0.0.1', gateway.port);
  const refresh = await peer.request('REGISTER');
  assert.deepEqual(refresh.all('Contact'), [own]);
  replyThroughNat(peer, refresh, '203.0.113.9', 62_000);
  const moved = await peer.request('REGISTER');
  assert.deepEqual(moved.all('Contact'), ['<sip:gateway@203.0.113.9:62000>', `${own};expires=0`]);
  replyThroughNat(peer, moved, '203.0.113.9', 62_000);
});

test('an address that is configured counts more than what a peer sees, but not in local networks', async (context) => {
  const addresses = { publicAddress: '198.51.100.1', mediaAddress: '198.51.100.2' };
  for (const [localNetworks, host, media] of [
    [[], '198.51.100.1', '198.51.100.2'],
    [['127.0.0.0/8'], '127.0.0.1', '127.0.0.1'],
  ] as const) {
    const { gateway, peer } = await scene(context, { ...addresses, localNetworks });
    const registration = gateway.engine.register(gateway.account);
    const request = await peer.request('REGISTER');
    assert.equal(request.header('Contact'), `<sip:gateway@${host}:${gateway.port}>`);
    assert.ok(request.header('Via')?.includes(` ${host}:${gateway.port};`));
    const registered = once(registration, 'registered');
    replyThroughNat(peer, request, '203.0.113.7', 61_000);
    await registered;
    assert.deepEqual(await gateway.engine.localAddressFor(gateway.account), { ok: true, value: media });
  }
});

test('nonsense in received and rport changes nothing', async (context) => {
  const { gateway, peer } = await scene(context);
  const registration = gateway.engine.register(gateway.account);
  const request = await peer.request('REGISTER');
  const registered = once(registration, 'registered');
  const text = peer.replyText(request, 200, { contact: false });
  peer.send(text.replace(/;rport(?=\r)/, ';rport=99999;received=evil'), request.port);
  await registered;
  assert.deepEqual(await gateway.engine.localAddressFor(gateway.account), { ok: true, value: '127.0.0.1' });
});
