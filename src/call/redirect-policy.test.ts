import assert from 'node:assert/strict';
import { test } from 'node:test';
import { someAccount } from '../config/account.fixture.ts';
import { mayFollow } from './redirect-policy.ts';

test('a redirect leads to numbers of the account’s own domain and server, and nowhere else', () => {
  for (const target of [
    'sip:4712@pbx.test',
    'sip:+49301234@PBX.test;user=phone',
    'sip:*21%23@127.0.0.1:5060',
    'SIP:anna.b@pbx.test:5070',
  ])
    assert.equal(mayFollow(target, someAccount), true, target);
  for (const target of [
    'sip:900@premium.test',
    'sip:900@pbx.test.premium.test',
    'sip:900%40premium.test@pbx.test',
    'sip:9;isub=1@pbx.test',
    'sip:pbx.test',
    'sips:4712@pbx.test',
    'tel:900',
  ])
    assert.equal(mayFollow(target, someAccount), false, target);
});
