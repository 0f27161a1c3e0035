import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Headers } from './message.ts';
import { referTarget } from './refer-target.ts';

function outcome(...lines: [string, string][]): ReturnType<typeof referTarget> {
  const headers = new Headers();
  for (const [name, value] of lines) headers.add(name, value);
  return referTarget(headers);
}

const to = (value: string): ReturnType<typeof referTarget> => outcome(['refer-to', value]);

test('the target is called without headers and method, with its other parameters', () => {
  const result = to('"Bob" <sip:200@pbx.test:5070;transport=tcp;method=INVITE;user=phone?Require=replaces>');
  assert.equal(result.ok && result.target, 'sip:200@pbx.test:5070;transport=tcp;user=phone');
  assert.equal(result.ok && result.replaces, undefined);
});

test('Replaces is taken from the URI, unescaped', () => {
  const result = to('<sip:200@pbx.test?Replaces=c%40h%3Bto-tag%3Da%3Bfrom-tag%3Db>');
  assert.equal(result.ok && result.replaces, 'c@h;to-tag=a;from-tag=b');
});

test('what would put headers of the peer into our INVITE is refused', () => {
  const replaces = 'Replaces=c%3Bto-tag%3Da%3Bfrom-tag%3Db';
  for (const uri of [
    'sip:1@h?Route=%3Csip:evil%3E',
    `sip:1@h?${replaces}&${replaces}`,
    `sip:1@h?${replaces}&Subject=x`,
    'sip:1@h?Replaces=c%3Bto-tag%3Da%0D%0AEvil:%20x%3Bfrom-tag%3Db',
    'sip:1@h?Replaces=%ZZ',
    'sip:1@h?Replaces=nonsense',
    'sip:1@h?body=x',
    'sip:1@h?x',
    'sip:1%00@h',
    'sip:1%0aVia@h',
    `sip:${'1'.repeat(600)}@h`,
  ]) {
    const result = to(`<${uri}>`);
    assert.equal(result.ok ? 200 : result.status, 400, uri);
  }
});

test('only sip: is called', () => {
  for (const uri of ['tel:123', 'https://h/', 'sips:1@h', 'javascript:alert(1)']) {
    const result = to(`<${uri}>`);
    assert.equal(result.ok ? 200 : result.status, 416, uri);
  }
});

test('Refer-Sub and Referred-By are read', () => {
  const quiet = outcome(
    ['refer-to', 'sip:1@h'],
    ['refer-sub', 'False'],
    ['referred-by', '<sip:a@h>;cid="x"'],
  );
  assert.equal(quiet.ok && quiet.subscribes, false);
  assert.equal(quiet.ok && quiet.referredBy, '<sip:a@h>;cid="x"');
  const plain = outcome(['refer-to', 'sip:1@h'], ['refer-sub', 'true']);
  assert.equal(plain.ok && plain.subscribes, true);
  for (const by of ['nonsense', '<sip:a@h>, <sip:b@h>']) {
    assert.equal(outcome(['refer-to', 'sip:1@h'], ['referred-by', by]).ok, false, by);
  }
});
