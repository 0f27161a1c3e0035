import assert from 'node:assert/strict';
import { test } from 'node:test';
import { someAccount, someProfile } from '../config/account.fixture.ts';
import type { AccountLimits, SipAccount } from '../config/config.ts';
import { AccountLoad } from './account-load.ts';

function limited(name: string, limits: Partial<AccountLimits>): SipAccount {
  return { ...someAccount, name, profile: { ...someProfile, limits: { ...someProfile.limits, ...limits } } };
}

test('calls in and out have limits of their own, and each account its own count', () => {
  const office = limited('office', { incoming: 1, outgoing: 2 });
  const carrier = limited('carrier', { incoming: 1 });
  const load = new AccountLoad([office, carrier]);
  const first = load.admit(office, 'in');
  assert.ok(first.ok);
  const second = load.admit(office, 'in');
  assert.ok(!second.ok && second.error.code === 'over-capacity');
  assert.ok(load.admit(carrier, 'in').ok);
  assert.deepEqual(
    [1, 2, 3].map(() => load.admit(office, 'out').ok),
    [true, true, false],
  );
  assert.deepEqual(load.calls, [
    { account: 'office', incoming: 1, outgoing: 2 },
    { account: 'carrier', incoming: 1, outgoing: 0 },
  ]);
  first.value();
  first.value();
  assert.equal(load.calls[0]?.incoming, 0, 'a place is given back once');
  assert.ok(load.admit(office, 'in').ok);
});

test('so many calls may begin in a second; one that is refused does not count', () => {
  let now = 0;
  const office = limited('office', { outgoingPerSecond: 2 });
  const load = new AccountLoad([office], () => now);
  const begin = () => load.admit(office, 'out').ok;
  assert.deepEqual([begin(), begin(), begin(), begin()], [true, true, false, false]);
  assert.ok(load.admit(office, 'in').ok, 'calls from outside have no such limit');
  now = 500;
  assert.deepEqual([begin(), begin()], [true, false]);
});

test('an account that may place no calls places none', () => {
  const office = limited('office', { outgoing: 0 });
  assert.equal(new AccountLoad([office]).admit(office, 'out').ok, false);
});
