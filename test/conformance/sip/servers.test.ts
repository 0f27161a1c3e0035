import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import type { SipCall } from '../../../src/sip/engine.ts';
import { ended, quickTimes } from '../../kit/sip-engine.ts';
import { type AnyEngine, type EngineKind, onEachEngine, startEngineOf } from '../../kit/sip-engines.ts';
import { SipPeer, someSdp } from '../../kit/sip-peer.ts';

/** An account with a backup server. */
async function twoServers(
  context: TestContext,
  kind: EngineKind,
): Promise<{ gateway: AnyEngine; first: SipPeer; second: SipPeer }> {
  const [first, second] = await Promise.all([SipPeer.open(), SipPeer.open()]);
  const backupServers = [{ host: '127.0.0.1', port: second.port }];
  const gateway = await startEngineOf(kind, {
    times: quickTimes,
    account: { port: first.port, backupServers },
  });
  context.after(async () => {
    await gateway.stop();
    first.close();
    second.close();
  });
  return { gateway, first, second };
}

function dial({ engine, account }: AnyEngine): SipCall {
  return engine.invite('sip:200@pbx.test', { account, sdp: someSdp, headers: [], noAnswerSeconds: 30 });
}

for (const [what, answer] of [
  ['is silent', undefined],
  ['says 503', 503],
] as const) {
  onEachEngine(
    `a call goes to the backup server when the first one ${what}`,
    async (context, kind) => {
      const { gateway, first, second } = await twoServers(context, kind);
      const call = dial(gateway);
      const refused = await first.request('INVITE');
      if (answer !== undefined) first.reply(refused, answer);
      const invite = await second.request('INVITE');
      assert.equal(invite.header('Call-ID'), refused.header('Call-ID'));
      assert.notEqual(invite.header('CSeq'), refused.header('CSeq'));
      const answered = once(call, 'answered');
      second.reply(invite, 200, { body: someSdp });
      await answered;
      const over = ended(call);
      call.end({ code: 'hangup' });
      second.reply(await second.request('BYE'), 200);
      await over;
    },
    { quick: true, rfc: '3263 §4.3' },
  );
}

for (const status of [486, 603, 404, 500]) {
  onEachEngine(
    `${status} is the answer: nobody is called a second time`,
    async (context, kind) => {
      const { gateway, first, second } = await twoServers(context, kind);
      const call = dial(gateway);
      first.reply(await first.request('INVITE'), status);
      await ended(call);
      await first.request('ACK');
      assert.deepEqual(
        second.received.filter(({ method }) => method !== ''),
        [],
      );
    },
    { rfc: '3263 §4.3' },
  );
}

onEachEngine(
  'a call that rings at the first server is never placed at the second',
  async (context, kind) => {
    const { gateway, first, second } = await twoServers(context, kind);
    const call = dial(gateway);
    const invite = await first.request('INVITE');
    const ringing = once(call, 'ringing');
    first.reply(invite, 180);
    await ringing;
    const over = ended(call);
    first.reply(invite, 408);
    assert.equal((await over).code, 'phone-no-answer');
    assert.deepEqual(
      second.received.filter(({ method }) => method !== ''),
      [],
    );
  },
  { rfc: '3263 §4.3' },
);

onEachEngine(
  'a registrar that says 503 is passed by for the next one',
  async (context, kind) => {
    const { gateway, first, second } = await twoServers(context, kind);
    const registration = gateway.engine.register(gateway.account);
    const registered = once(registration, 'registered');
    first.reply(await first.request('REGISTER'), 503);
    second.reply(await second.request('REGISTER'), 200, { contact: false });
    await registered;
    const stopped = registration.stop();
    const last = await second.next((message) => message.header('Expires') === '0');
    second.reply(last, 200, { contact: false });
    await stopped;
  },
  { rfc: '3263 §4.3' },
);
