import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { SipAccount } from '../../../src/config/config.ts';
import type { SipCall } from '../../../src/sip/engine.ts';
import { quickTimes } from '../../kit/sip-engine.ts';
import { type EngineKind, onEachEngine, startEngineOf } from '../../kit/sip-engines.ts';
import { type RawMessage, SipPeer, someSdp } from '../../kit/sip-peer.ts';

/** A call from an account's server, or with `account.server` of elsewhere from a stranger. */
async function called(
  context: TestContext,
  kind: EngineKind,
  lines: readonly string[],
  account: Partial<SipAccount> = {},
): Promise<SipCall> {
  const peer = await SipPeer.open();
  const gateway = await startEngineOf(kind, { times: quickTimes, account });
  context.after(async () => {
    await gateway.stop();
    peer.close();
  });
  const { port } = gateway;
  peer.send(peer.requestText('INVITE', { port, callId: 'who', body: someSdp, lines }), port);
  return gateway.nextCall();
}

onEachEngine(
  'the PBX says who calls (P-Asserted-Identity) and who passed the call on (Diversion)',
  async (context, kind) => {
    const lines = [
      'P-Asserted-Identity: "Bob" <sip:+492@pbx.test>',
      'Diversion: "Desk" <sip:200@pbx.test>;reason=no-answer',
    ];
    const { remote } = await called(context, kind, lines);
    assert.deepEqual(remote, {
      uri: 'sip:+492@pbx.test',
      user: '+492',
      displayName: 'Bob',
      diverted: { user: '200', displayName: 'Desk' },
    });
  },
  { rfc: '3325 §9.1, 5806 §4' },
);

onEachEngine(
  'who passed the call on is read from History-Info, too',
  async (context, kind) => {
    const lines = ['History-Info: <sip:200@pbx.test>;index=1, <sip:room@gateway.test>;index=1.1'];
    const { remote } = await called(context, kind, lines);
    assert.deepEqual(remote.diverted, { user: '200', displayName: undefined });
  },
  { rfc: '7044 §9' },
);

onEachEngine(
  'a stranger’s word about itself is its From alone',
  async (context, kind) => {
    const lines = ['P-Asserted-Identity: <sip:boss@pbx.test>', 'Diversion: <sip:200@pbx.test>'];
    const { remote } = await called(context, kind, lines, { server: '127.0.0.2' });
    assert.equal(remote.user, 'caller');
    assert.equal(remote.diverted, undefined);
  },
  { rfc: '3325 §5' },
);

onEachEngine(
  'a caller that asks for privacy is anonymous',
  async (context, kind) => {
    const lines = ['Privacy: id', 'P-Asserted-Identity: "Bob" <sip:+492@pbx.test>'];
    assert.deepEqual((await called(context, kind, lines)).remote, {
      uri: 'sip:anonymous@anonymous.invalid',
      user: 'anonymous',
      displayName: 'Anonymous',
    });
  },
  { rfc: '3323 §4.2, 3325 §9.3' },
);

onEachEngine(
  'a call of an anonymous account shows nobody who calls, except to its server',
  async (context, kind) => {
    const peer = await SipPeer.open();
    const elsewhere = await SipPeer.open();
    const gateway = await startEngineOf(kind, {
      times: quickTimes,
      account: { port: peer.port, anonymous: true },
    });
    context.after(async () => {
      await gateway.stop();
      peer.close();
      elsewhere.close();
    });
    const { account } = gateway;
    gateway.engine.invite('sip:4711@pbx.test', {
      account,
      sdp: someSdp,
      headers: [],
      noAnswerSeconds: 30,
      mayFollow: () => true,
    });
    const invite = await peer.request('INVITE');
    assertAnonymous(invite);
    assert.equal(invite.header('P-Preferred-Identity'), '<sip:gateway@pbx.test>');
    peer.reply(invite, 302, {
      contact: false,
      lines: [`Contact: <sip:1@127.0.0.1:${elsewhere.port}>`],
    });
    const abroad = await elsewhere.request('INVITE');
    assertAnonymous(abroad);
    assert.equal(abroad.header('P-Preferred-Identity'), undefined);
    elsewhere.reply(abroad, 486);
  },
  { rfc: '3323 §4.1, 3325 §9.2' },
);

function assertAnonymous(invite: RawMessage): void {
  assert.match(invite.header('From') ?? '', /^"Anonymous" <sip:anonymous@anonymous\.invalid>;tag=/);
}
