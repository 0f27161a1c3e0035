import assert from 'node:assert/strict';
import { test } from 'node:test';
import { someAccount } from '../config/account.fixture.ts';
import { mayFollow } from './redirect-policy.ts';

const question = { headers: [], accounts: [someAccount] as const, routes: [] };

test('a redirect leads to numbers of the account’s own domain and server, and nowhere else', () => {
  for (const target of [
    'sip:4712@pbx.test',
    'sip:+49301234@PBX.test;user=phone',
    'sip:*21%23@127.0.0.1:5060',
    'SIP:anna.b@pbx.test:5070',
  ])
    assert.equal(mayFollow(target, someAccount, question), true, target);
  for (const target of [
    'sip:900@premium.test',
    'sip:900@pbx.test.premium.test',
    'sip:900%40premium.test@pbx.test',
    'sip:9;isub=1@pbx.test',
    'sip:pbx.test',
    'sips:4712@pbx.test',
    'tel:900',
  ])
    assert.equal(mayFollow(target, someAccount, question), false, target);
});

test('with rules for dialled numbers a redirect leads where they lead with the same account', () => {
  const other = { ...someAccount, name: 'other' };
  const rule = { domains: [], header: undefined };
  const routes = [
    { ...rule, prefixes: ['47'], accounts: ['default'] },
    { ...rule, prefixes: ['0'], accounts: ['other'] },
  ];
  const ruled = { ...question, accounts: [someAccount, other] as const, routes };
  assert.equal(mayFollow('sip:4712@pbx.test', someAccount, ruled), true);
  assert.equal(mayFollow('sip:0900@pbx.test', someAccount, ruled), false);
  assert.equal(mayFollow('sip:900@pbx.test', someAccount, ruled), false);
  const byDomain = [{ ...rule, prefixes: [], domains: ['pbx.test'], accounts: ['default'] }];
  assert.equal(mayFollow('sip:anna@pbx.test', someAccount, { ...ruled, routes: byDomain }), true);
});
