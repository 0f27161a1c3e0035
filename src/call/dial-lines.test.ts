import assert from 'node:assert/strict';
import { test } from 'node:test';
import { someAccount, someProfile } from '../config/account.fixture.ts';
import type { SipAccount } from '../config/config.ts';
import { fail, ok, type Result } from '../errors.ts';
import { silentLog } from '../log.ts';
import type { InviteOptions, SipEngine } from '../sip/engine.ts';
import { AccountLoad } from './account-load.ts';
import { DialLines } from './dial-lines.ts';
import type { DialPlan } from './dial-policy.ts';

interface Scene {
  readonly down?: readonly string[];
  readonly unresolved?: readonly string[];
  /** Outgoing limit of the first account. */
  readonly limit?: number;
}

function scene({ down = [], unresolved = [], limit }: Scene) {
  const accounts = ['a', 'b', 'c'].map((name): SipAccount => {
    const limits = { ...someProfile.limits, outgoing: name === 'a' ? limit : undefined };
    return { ...someAccount, name, profile: { ...someProfile, limits } };
  });
  const placed: { by: string; impatient: boolean | undefined }[] = [];
  const sip: Partial<SipEngine> = {
    accounts: () =>
      accounts.map(({ name }) => ({
        account: name,
        registration: 'none',
        failure: undefined,
        servers: [],
        up: !down.includes(name),
      })),
    localAddressFor: async ({ name }): Promise<Result<string>> =>
      unresolved.includes(name) ? fail('phone-unreachable', 'no address') : ok('127.0.0.1'),
    invite: (_target: string, { account, impatient }: InviteOptions) => {
      placed.push({ by: account.name, impatient });
      return undefined as never;
    },
  };
  const load = new AccountLoad(accounts);
  const plans = accounts.map((account) => ({ account, target: 'sip:1@x', headers: [] }));
  const lines = new DialLines({
    plans: plans as unknown as readonly [DialPlan, ...DialPlan[]],
    room: 'r@muc.test',
    sip: sip as SipEngine,
    load,
    mayFollow: () => false,
    log: silentLog,
  });
  const next = async (): Promise<string> => {
    const line = await lines.next();
    if (!line.ok) return line.error.code;
    line.value.place('sdp');
    return placed.at(-1)?.by ?? '';
  };
  const running = () => load.calls.map(({ outgoing }) => outgoing);
  return { lines, next, placed, running };
}

test('an account that is down is passed over, and tried when no other is left', async () => {
  const { next } = scene({ down: ['a'] });
  assert.deepEqual(
    [await next(), await next(), await next(), await next()],
    ['b', 'c', 'a', 'phone-unreachable'],
  );
});

test('one that has no place left or cannot be found is passed over', async () => {
  assert.equal(await scene({ limit: 0 }).next(), 'b');
  assert.equal(await scene({ unresolved: ['a', 'b'] }).next(), 'c');
  assert.equal(
    await scene({ limit: 0, unresolved: ['b', 'c'] }).next(),
    'over-capacity',
    'why the best one did not',
  );
});

test('a call has one place at a time and gives it back at its end', async () => {
  const { lines, next, running } = scene({});
  await next();
  assert.deepEqual(running(), [1, 0, 0]);
  await next();
  assert.deepEqual(running(), [0, 1, 0]);
  lines.close();
  assert.deepEqual(running(), [0, 0, 0]);
  assert.equal(await next(), 'phone-unreachable', 'nothing goes out any more');
  assert.deepEqual(running(), [0, 0, 0]);
});

test('only where another account could take over is a silent server given up early', async () => {
  const { next, placed } = scene({});
  for (let n = 0; n < 3; n += 1) await next();
  assert.deepEqual(
    placed.map(({ impatient }) => impatient),
    [true, true, false],
  );
});
