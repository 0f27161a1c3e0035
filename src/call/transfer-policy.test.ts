import assert from 'node:assert/strict';
import { test } from 'node:test';
import { someAccount, someProfile } from '../config/account.fixture.ts';
import type { CallProfile, SipAccount } from '../config/config.ts';
import { judgeTransfer } from './transfer-policy.ts';

const withBackup = { ...someAccount, backupServers: [{ host: '192.0.2.7', port: 5060 }] };
const withPolicy = (transfer: NonNullable<CallProfile['transfer']>): SipAccount => ({
  ...withBackup,
  profile: { ...someProfile, transfer },
});
const question = { headers: [], accounts: [withBackup] as const, routes: [] };
const may = (target: string, account: SipAccount): boolean => judgeTransfer(target, account, question).ok;

test('a transfer leads to the account’s own domain and servers, unless the account says otherwise', () => {
  for (const target of [
    'sip:4712@pbx.test',
    'sip:4712@PBX.test;user=phone',
    'sip:*21%23@127.0.0.1:5080',
    'sip:1@192.0.2.7',
  ]) {
    assert.equal(may(target, withBackup), true, target);
    assert.equal(may(target, withPolicy('own-domain')), true, target);
    assert.equal(may(target, withPolicy('off')), false, target);
  }
  for (const target of ['sip:900@premium.test', 'sip:900@pbx.test.premium.test']) {
    assert.equal(may(target, withPolicy('own-domain')), false, target);
    assert.equal(may(target, withPolicy('any')), true, target);
  }
  for (const target of [
    'sip:900%40premium.test@pbx.test',
    'sip:9;isub=1@pbx.test',
    'sip:pbx.test',
    'tel:900',
  ])
    assert.equal(may(target, withPolicy('any')), false, target);
});

test('with rules for dialled numbers a transfer leads only where they lead with the same account', () => {
  const account = withPolicy('any');
  const other = { ...account, name: 'other' };
  const rule = { domains: [], header: undefined };
  const routes = [
    { ...rule, prefixes: ['47'], accounts: ['default'] },
    { ...rule, prefixes: ['0'], accounts: ['other'] },
    { ...rule, prefixes: [], domains: ['partner.test'], accounts: ['default'] },
  ];
  const ruled = { headers: [], accounts: [account, other] as const, routes };
  const leads = (target: string): boolean => judgeTransfer(target, account, ruled).ok;
  assert.equal(leads('sip:4712@pbx.test'), true);
  assert.equal(leads('sip:0900@pbx.test'), false);
  assert.equal(leads('sip:900@pbx.test'), false);
  assert.equal(leads('sip:anna@partner.test'), true);
  assert.equal(leads('sip:4712@premium.test'), false);
});
