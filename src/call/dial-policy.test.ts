import assert from 'node:assert/strict';
import { test } from 'node:test';
import { someAccount, someProfile } from '../config/account.fixture.ts';
import type { DialRoute, NumberRewriting, SipAccount } from '../config/config.ts';
import { planDial } from './dial-policy.ts';

const plan = (to: string, headers: { name: string; value: string }[] = []) =>
  planDial({
    to,
    headers,
    routes: [],
    accounts: [
      {
        ...someAccount,
        profile: {
          ...someProfile,
          forwardedHeaders: ['x-outbound-call-initiator-*', 'x-tag'],
          rewriting: { strip: 0, changes: [], prefix: '9' },
        },
      },
    ],
  });

test('a number as people write it becomes a destination at the account’s domain', () => {
  for (const to of ['+49 (30) 123-456', '+4930123456', 'tel:+4930123456', 'sip:+4930123456@pbx.test']) {
    const planned = plan(to);
    assert.equal(planned.ok && planned.value[0].target, 'sip:9+4930123456@pbx.test', to);
  }
});

test('star codes and names can be dialled, # is escaped', () => {
  const codes = ['*72#', 'alice'].map((to) => plan(to));
  assert.deepEqual(
    codes.map((planned) => planned.ok && planned.value[0].target),
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
  assert.deepEqual(planned.ok && planned.value[0].headers.map((header) => header.name), [
    'X-Outbound-Call-Initiator-User',
    'X-Tag',
  ]);
});

test('each account gets the number as it wants it; names stay as they are', () => {
  const dialled = (to: string, rewriting: Partial<NumberRewriting>): string => {
    const profile = { ...someProfile, rewriting: { strip: 0, changes: [], prefix: '', ...rewriting } };
    const accounts = [{ ...someAccount, profile }] as const;
    const planned = planDial({ to, headers: [], routes: [], accounts });
    return planned.ok
      ? (/^sip:(.*)@pbx\.test$/.exec(planned.value[0].target)?.[1] ?? '')
      : planned.error.code;
  };
  const german = {
    changes: [
      { from: '+49', to: '0' },
      { from: '+', to: '00' },
    ],
  };
  assert.equal(dialled('+4930123', german), '030123');
  assert.equal(dialled('+33123', german), '0033123');
  assert.equal(dialled('0049301', { changes: [{ from: '00', to: '+' }] }), '+49301');
  assert.equal(dialled('+4930123', { changes: [{ from: '+', to: '' }] }), '4930123');
  assert.equal(dialled('930123', { strip: 1 }), '30123');
  assert.equal(dialled('9+49301', { strip: 1, ...german, prefix: '7' }), 'bad-request');
  assert.equal(dialled('949301', { strip: 1, changes: [{ from: '49', to: '0' }], prefix: '7' }), '70301');
  assert.equal(dialled('alice', { strip: 2, changes: [{ from: 'a', to: 'b' }] }), 'alice');
  assert.equal(dialled('12', { strip: 2 }), 'bad-request', 'nothing is left');
});

const [office, carrier, backup] = ['office', 'carrier', 'backup'].map((name) => ({
  ...someAccount,
  name,
  domain: `${name}.test`,
})) as unknown as readonly [SipAccount, SipAccount, SipAccount];

function ways(to: string, routes: Partial<DialRoute>[], headers: { name: string; value: string }[] = []) {
  const rules = routes.map((route) => ({
    prefixes: [],
    domains: [],
    header: undefined,
    accounts: [],
    ...route,
  }));
  const planned = planDial({ to, headers, routes: rules, accounts: [office, carrier, backup] });
  return planned.ok ? planned.value.map(({ target }) => target) : planned.error.code;
}

test('without rules every number goes by the first account, and a domain by the account that has it', () => {
  assert.deepEqual(ways('123', []), ['sip:123@office.test']);
  assert.deepEqual(ways('alice@carrier.test', []), ['sip:alice@carrier.test']);
  assert.equal(ways('alice@evil.test', []), 'bad-request');
});

test('the first rule that fits chooses the accounts, by the beginning of the number', () => {
  const rules = [
    { prefixes: ['+49', '0?0'], accounts: ['carrier', 'backup'] },
    { prefixes: ['+'], accounts: ['backup'] },
    { prefixes: ['1'], accounts: ['office'] },
  ];
  assert.deepEqual(ways('+49 30 1', rules), ['sip:+49301@carrier.test', 'sip:+49301@backup.test']);
  assert.deepEqual(ways('0104', rules), ['sip:0104@carrier.test', 'sip:0104@backup.test']);
  assert.deepEqual(ways('+33', rules), ['sip:+33@backup.test']);
  assert.deepEqual(ways('100', rules), ['sip:100@office.test']);
  assert.equal(ways('0x04', rules), 'destination-refused');
  assert.equal(ways('7', rules), 'destination-refused', 'nobody allowed it');
});

test('a header of the dial request can choose, by being there or by what it says', () => {
  const rules = [
    { header: { name: 'X-Trunk', value: 'gold' }, accounts: ['carrier'] },
    { header: { name: 'x-any', value: undefined }, accounts: ['backup'] },
    { accounts: ['office'] },
  ];
  assert.deepEqual(ways('1', rules, [{ name: 'x-trunk', value: ' gold ' }]), ['sip:1@carrier.test']);
  assert.deepEqual(ways('1', rules, [{ name: 'X-Trunk', value: 'silver' }]), ['sip:1@office.test']);
  assert.deepEqual(ways('1', rules, [{ name: 'X-Any', value: '' }]), ['sip:1@backup.test']);
});

test('another domain is called only when a rule names it', () => {
  const rules = [{ domains: ['partner.test'], accounts: ['carrier'] }, { accounts: ['office', 'backup'] }];
  assert.deepEqual(ways('bob@Partner.test', rules), ['sip:bob@partner.test']);
  assert.deepEqual(ways('bob@backup.test', rules), ['sip:bob@backup.test']);
  assert.deepEqual(ways('5', rules), ['sip:5@office.test', 'sip:5@backup.test']);
  assert.equal(ways('bob@evil.test', rules), 'destination-refused');
  assert.equal(ways('bob@partner.test', [{ accounts: ['carrier'] }]), 'destination-refused');
});
