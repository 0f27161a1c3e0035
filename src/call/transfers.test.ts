import assert from 'node:assert/strict';
import { test } from 'node:test';
import { someAccount, someProfile } from '../config/account.fixture.ts';
import type { Config, SipAccount } from '../config/config.ts';
import { createLog } from '../log.ts';
import type { InviteOptions, SipCall, SipEngine, TransferRequest } from '../sip/engine.ts';
import { AccountLoad } from './account-load.ts';
import type { Call } from './call.ts';
import { Dialog } from './phone-leg.fixture.ts';
import { Transfers } from './transfers.ts';

const request: TransferRequest = {
  target: 'sip:4712@pbx.test',
  replaces: 'abc;to-tag=1;from-tag=2',
  referredBy: '<sip:100@pbx.test>',
  accept: () => {},
  refuse: () => {},
  progress: () => {},
};

function scene(account: SipAccount) {
  const dialog = new Dialog('out');
  const invited: [target: string, options: InviteOptions][] = [];
  const invite = (target: string, options: InviteOptions): SipCall => {
    invited.push([target, options]);
    return dialog as unknown as SipCall;
  };
  const load = new AccountLoad([account]);
  const transfers = new Transfers({
    config: { sip: { accounts: [account] } } as unknown as Config,
    sip: { invite } as unknown as SipEngine,
    load,
    log: createLog({ level: 'fatal', format: 'json' }),
  });
  const judge = (): ReturnType<ReturnType<Transfers['judgeFor']>> =>
    transfers.judgeFor('room@muc.test')(request, { account } as SipCall);
  return { transfers, judge, invited, dialog, outgoing: () => load.calls[0]?.outgoing };
}

test('the target is called by the account of the phone, with what the REFER said, and within the account’s limits', () => {
  const limits = { incoming: undefined, outgoing: 1, outgoingPerSecond: undefined };
  const account = { ...someAccount, profile: { ...someProfile, limits } };
  const { judge, invited, dialog, outgoing } = scene(account);
  const judged = judge();
  assert.ok(judged.ok);
  judged.value('v=0');
  const [target, options] = invited[0] ?? assert.fail('nobody was called');
  assert.equal(target, request.target);
  assert.equal(options.account, account);
  assert.deepEqual([options.replaces, options.referredBy], [request.replaces, request.referredBy]);
  assert.equal(
    options.mayFollow?.('sip:900@premium.test'),
    false,
    'a redirect leads no farther than a transfer',
  );
  const second = judge();
  assert.equal(!second.ok && second.error.code, 'over-capacity');
  dialog.emit('ended', { code: 'hangup' });
  assert.equal(outgoing(), 0);
});

test('an account that does not transfer lets no phone be replaced either, and a call that is over takes none', async () => {
  const call = { takeOver: async () => ({ ok: true, value: undefined }) } as unknown as Call;
  const taking = (account: SipAccount, running: Call | undefined) =>
    scene(account).transfers.takeOver({ account } as SipCall, running);
  const off = { ...someAccount, profile: { ...someProfile, transfer: 'off' as const } };
  assert.equal((await taking(someAccount, call)).ok, true);
  const forbidden = await taking(off, call);
  assert.equal(!forbidden.ok && forbidden.error.code, 'destination-refused');
  const late = await taking(someAccount, undefined);
  assert.equal(!late.ok && late.error.code, 'phone-not-found');
});
