import assert from 'node:assert/strict';
import { test } from 'node:test';
import { someAccount } from '../config/account.fixture.ts';
import { Headers } from './message.ts';
import { callToReplace, parseReplaces } from './refer-replaces.ts';

test('a Replaces value is read whatever the order of its parameters', () => {
  const expected = { callId: 'a@b', localTag: '1', remoteTag: '2', earlyOnly: false };
  assert.deepEqual(parseReplaces('a@b;to-tag=1;from-tag=2'), expected);
  assert.deepEqual(parseReplaces(' a@b ; From-Tag=2;x=y;TO-TAG=1;early-only'), {
    ...expected,
    earlyOnly: true,
  });
});

test('what names no dialog is no Replaces value', () => {
  for (const value of [
    '',
    'a',
    'a;to-tag=1',
    'a;from-tag=1',
    'a;to-tag=;from-tag=1',
    ';to-tag=1;from-tag=2',
    'a b;to-tag=1;from-tag=2',
    'a;to-tag=1\r\nX: y;from-tag=2',
    `${'a'.repeat(600)};to-tag=1;from-tag=2`,
  ])
    assert.equal(parseReplaces(value), undefined, JSON.stringify(value));
});

const tags = { callId: 'a', localTag: '1', remoteTag: '2' };
const running = { account: someAccount, dialogTags: tags, earlyTags: [] };

function status(account: typeof someAccount, caller: 'known' | 'stranger'): number | 'found' {
  const headers = new Headers();
  headers.add('replaces', 'a;to-tag=1;from-tag=2');
  const found = callToReplace(headers, { account, caller }, [{ ...running, dialogTags: undefined }, running]);
  if (!found.ok) return found.status;
  assert.equal(found.call, running);
  return 'found';
}

test('a stranger takes over no call, unless he proved who he is', () => {
  assert.equal(status(someAccount, 'known'), 'found');
  assert.equal(status(someAccount, 'stranger'), 403);
  assert.equal(status({ ...someAccount, callers: { user: 'u', password: 'p' } }, 'stranger'), 'found');
  assert.equal(status({ ...someAccount, name: 'other' }, 'known'), 481);
});

test('of the calls that are not answered those that we placed can be taken over, also where one of several phones rings', () => {
  const ringing = {
    account: someAccount,
    dialogTags: undefined,
    earlyTags: [{ ...tags, remoteTag: '3' }, tags],
  };
  const taken = (value: string, ...calls: (typeof ringing | typeof running)[]) => {
    const headers = new Headers();
    headers.add('replaces', value);
    const found = callToReplace(headers, { account: someAccount, caller: 'known' }, calls);
    return found.ok ? found.call : found.status;
  };
  const value = 'a;to-tag=1;from-tag=2';
  assert.equal(taken(value, ringing), ringing);
  assert.equal(taken(`${value};early-only`, ringing), ringing);
  assert.equal(taken(`${value};early-only`, running), 486);
  assert.equal(taken('a;to-tag=1;from-tag=4', ringing), 481);
});
