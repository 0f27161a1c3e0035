import assert from 'node:assert/strict';
import { test } from 'node:test';
import { someAccount } from '../config/account.fixture.ts';
import { Headers } from './message.ts';
import { Redirections } from './redirections.ts';
import { parseUri } from './sip-uri.ts';

const dialled = parseUri('sip:4711@pbx.test');

function moved(...contacts: string[]): Headers {
  const headers = new Headers();
  for (const contact of contacts) headers.add('contact', contact);
  return headers;
}

function texts(redirections: Redirections): string[] {
  const all: string[] = [];
  for (let next = redirections.next(); next !== undefined; next = redirections.next()) all.push(next.text);
  return all;
}

test('contacts are tried best q first, in their order when they are equal, without their headers', () => {
  const redirections = new Redirections(dialled, someAccount, () => true);
  redirections.add(
    moved('<sip:c@x>;q=0.2, <sip:d@x>;q=nonsense', '<sip:a@x?Route=evil>', '<sip:b@x>;q=1.0', '<tel:+49>'),
  );
  assert.deepEqual(texts(redirections), ['sip:a@x', 'sip:b@x', 'sip:c@x', 'sip:d@x']);
});

test('what a redirected target adds comes before what is left', () => {
  const redirections = new Redirections(dialled, someAccount, () => true);
  redirections.add(moved('<sip:a@x>', '<sip:z@x>;q=0.1'));
  redirections.next();
  redirections.add(moved('<sip:b@x>;q=0.1'));
  assert.deepEqual(texts(redirections), ['sip:b@x', 'sip:z@x']);
});

test('a circle is not followed, and a chain not for ever', () => {
  const redirections = new Redirections(dialled, someAccount, () => true);
  redirections.add(moved('<sip:a@x>', '<sip:4711@pbx.test;transport=tcp>', '<sip:a@x>;q=0.3'));
  assert.deepEqual(texts(redirections), ['sip:a@x']);
  const chain = new Redirections(dialled, someAccount, () => true);
  let followed = 0;
  for (let step = 0; step < 20; step += 1) {
    chain.add(moved(`<sip:${step}@x>`));
    if (chain.next() !== undefined) followed += 1;
  }
  assert.equal(followed, 5);
});

test('without a policy only the account’s own domain and server are followed', () => {
  const redirections = new Redirections(dialled, someAccount, undefined);
  redirections.add(
    moved('<sip:900@premium.test>', '<sip:12@pbx.test>', '<sip:13@127.0.0.1:9>', '<sip:14@127.0.0.1:10>'),
  );
  assert.deepEqual(texts(redirections), ['sip:12@pbx.test', 'sip:13@127.0.0.1:9']);
});
