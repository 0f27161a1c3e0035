import assert from 'node:assert/strict';
import { test } from 'node:test';
import { srfHeaders, wordsOf } from './drachtio-srf.ts';

test('a header that occurs twice is not joined: credentials for two realms must stay two lines', () => {
  const lines = ['Proxy-Authorization: a', 'Proxy-Authorization: b', 'Proxy-Authorization: c', 'X: d'];
  const headers = srfHeaders(lines);
  assert.deepEqual(Object.values(headers), ['a', 'b', 'c', 'd']);
  const names = Object.keys(headers).map((name) => name.toLowerCase());
  assert.deepEqual(names, ['proxy-authorization', 'proxy-authorization', 'proxy-authorization', 'x']);
});

test('wire text becomes readable text, which drachtio writes as UTF-8', () => {
  assert.deepEqual(srfHeaders(['Room: r\u00c3\u00a9union']), { Room: 'réunion' });
});

test('no control character and no line that is no header reaches the server', () => {
  const controls = [...Array(32).keys(), 127].map((code) => String.fromCharCode(code));
  for (const control of controls) {
    assert.throws(() => srfHeaders([`X-Room: a${control}b`]), TypeError, JSON.stringify(control));
    assert.throws(() => srfHeaders([`X-${control}Room: a`]), TypeError, JSON.stringify(control));
  }
  assert.throws(() => srfHeaders(['no colon']), TypeError);
});

test('errors of the library are text or Error', () => {
  assert.equal(wordsOf('no'), 'no');
  assert.equal(wordsOf(new Error('gone')), 'gone');
  assert.equal(wordsOf(null), undefined);
});
