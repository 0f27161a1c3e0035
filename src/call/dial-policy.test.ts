import assert from 'node:assert/strict';
import { test } from 'node:test';
import { someAccount, someProfile } from '../config/account.fixture.ts';
import { planDial } from './dial-policy.ts';

const plan = (to: string, headers: { name: string; value: string }[] = []) =>
  planDial({
    to,
    headers,
    account: {
      ...someAccount,
      profile: {
        ...someProfile,
        forwardedHeaders: ['x-outbound-call-initiator-*', 'x-tag'],
        rewriting: { strip: 0, changes: [], prefix: '9' },
      },
    },
  });

test('a number as people write it becomes a destination at the account’s domain', () => {
  for (const to of ['+49 (30) 123-456', '+4930123456', 'tel:+4930123456', 'sip:+4930123456@pbx.test']) {
    const planned = plan(to);
    assert.equal(planned.ok && planned.value.target, 'sip:9+4930123456@pbx.test', to);
  }
});

test('star codes and names can be dialled, # is escaped', () => {
  const codes = ['*72#', 'alice'].map((to) => plan(to));
  assert.deepEqual(
    codes.map((planned) => planned.ok && planned.value.target),
    ['sip:9*72%23@pbx.test', 'sip:9alice@pbx.test'],
  );
});

test('other hosts, parameters, spaces and control characters are refused', () => {
  for (const to of [
    '1@evil.test',
    '1;transport=tcp',
    '1?Route=x',
    'a b',
    '1\r\nX: 1',
    '',
    '1@a@b',
    'x'.repeat(65),
  ]) {
    const planned = plan(to);
    assert.equal(!planned.ok && planned.error.code, 'bad-request', JSON.stringify(to));
  }
});

test('only headers that the operator allows are passed on', () => {
  const planned = plan('1', [
    { name: 'X-Outbound-Call-Initiator-User', value: 'u' },
    { name: 'X-Tag', value: 't' },
    { name: 'Route', value: 'sip:evil.test' },
    { name: 'P-Asserted-Identity', value: 'sip:boss@pbx.test' },
  ]);
  assert.deepEqual(planned.ok && planned.value.headers.map((header) => header.name), [
    'X-Outbound-Call-Initiator-User',
    'X-Tag',
  ]);
});
