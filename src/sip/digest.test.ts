import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { DigestClient, digestResponse } from './digest.ts';
import { parseChallenges } from './digest-challenge.ts';
import { Headers } from './message.ts';

const get = { method: 'GET', uri: '/dir/index.html', body: '' };

function vector(header: string, password: string, cnonce: string): string {
  const [challenge] = parseChallenges([header]);
  assert.ok(challenge);
  return digestResponse(challenge, { user: 'Mufasa', password }, get, {
    qop: 'auth',
    nc: '00000001',
    cnonce,
  });
}

test('a challenge with a control character is none: it would come back in our answer', () => {
  const headers = new Headers();
  headers.add('www-authenticate', 'Digest realm="a\\\u0007", nonce="n"');
  assert.equal(
    new DigestClient({ user: 'u', password: 'p' }).answer(401, headers, {
      method: 'BYE',
      uri: 'sip:a',
      body: '',
    }),
    undefined,
  );
});

test('RFC 2617 §3.5', () => {
  const header =
    'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"';
  assert.equal(vector(header, 'Circle Of Life', '0a4f113b'), '6629fae49393a05397450978507c4ef1');
});

const rfc7616 =
  'realm="http-auth@example.org", qop="auth, auth-int", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"';
const cnonce = 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ';

test('RFC 7616 §3.9.1, MD5 and SHA-256', () => {
  assert.equal(
    vector(`Digest ${rfc7616}, algorithm=MD5`, 'Circle of Life', cnonce),
    '8ca523f5e9506fed4657c9700eebdbec',
  );
  assert.equal(
    vector(`Digest ${rfc7616}, algorithm=SHA-256`, 'Circle of Life', cnonce),
    '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1',
  );
});

test('SHA-512-256 is that of FIPS 180-4, not the first half of SHA-512 as in the example of RFC 7616 §3.9.2', () => {
  const hash = (text: string): string => createHash('sha512-256').update(text).digest('hex');
  // FIPS 180-4's own example.
  assert.equal(hash('abc'), '53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23');
  const identity = hash('Mufasa:http-auth@example.org:Circle of Life');
  const nonce = '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v';
  assert.equal(
    vector(`Digest ${rfc7616}, algorithm=SHA-512-256`, 'Circle of Life', cnonce),
    hash(`${identity}:${nonce}:00000001:${cnonce}:auth:${hash('GET:/dir/index.html')}`),
  );
});

function challenged(...values: string[]): Headers {
  const headers = new Headers();
  for (const value of values) headers.add('www-authenticate', value);
  return headers;
}

const register = { method: 'REGISTER', uri: 'sip:pbx', body: '' };

function client(): DigestClient {
  return new DigestClient({ user: 'a"b', password: 'p' }, () => 'cn');
}

test('SHA-256 is preferred to MD5 of the same realm; unknown algorithms and schemes are passed over', () => {
  const lines = client().answer(
    401,
    challenged(
      'Basic realm="x", Digest realm="r", nonce="1", algorithm=SHA-3, Digest realm="r", nonce="2", algorithm=MD5',
      'Digest realm="r",nonce="3",algorithm="sha-256",qop="auth", opaque=""',
    ),
    register,
  );
  assert.equal(lines?.length, 1);
  assert.match(lines?.[0] ?? '', /^Authorization: Digest username="a\\"b", realm="r", nonce="3"/);
  assert.match(lines?.[0] ?? '', /algorithm=SHA-256, opaque="", qop=auth, nc=00000001, cnonce="cn"$/);
});

test('each realm is answered', () => {
  const lines = client().answer(
    401,
    challenged('Digest realm="a", nonce="1"', 'Digest realm="b", nonce="2"'),
    register,
  );
  assert.equal(lines?.length, 2);
});

test('credentials that were refused are not sent again, except for a stale nonce, and that once', () => {
  const digest = client();
  const first = challenged('Digest realm="a", nonce="1", qop="auth"');
  assert.ok(digest.answer(401, first, register));
  assert.equal(digest.answer(401, first, register), undefined);
  const stale = challenged('Digest realm="a", nonce="2", stale=TRUE, qop="auth"');
  assert.ok(digest.answer(401, stale, register));
  assert.equal(digest.answer(401, stale, register), undefined);
});

test('a nonce that is used again counts on', () => {
  const digest = client();
  const headers = challenged('Digest realm="a", nonce="1", qop="auth"');
  assert.match(digest.answer(401, headers, register)?.[0] ?? '', /nc=00000001/);
  digest.begin();
  assert.match(digest.answer(401, headers, register)?.[0] ?? '', /nc=00000002/);
});

test('a challenge without what is needed is not answered', () => {
  for (const value of [
    '',
    'Digest',
    'Digest realm="a"',
    'Digest nonce="a"',
    'Bearer x',
    ',,,',
    'Digest ="',
    '"',
  ]) {
    assert.equal(client().answer(401, challenged(value), register), undefined);
  }
});
