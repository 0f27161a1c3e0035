import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { newIdentity } from './identity.ts';
import { parseJid, sameJid } from './jid.ts';

describe('JIDs', () => {
  it('are folded as Prosody folds them', () => {
    assert.equal(parseJid('Room@Conference.Meet.Test/Alice B')?.full, 'room@conference.meet.test/Alice B');
    assert.ok(sameJid('A@b.C/x', 'a@B.c/x'));
    assert.ok(!sameJid('a@b/x', 'a@b/X'));
    assert.ok(!sameJid(undefined, undefined));
  });

  it('are refused when they are none', () => {
    const bad = [
      '',
      '@b',
      'a@',
      'a@b/',
      'a b@c',
      'a@b c',
      'a\n@b',
      'a@b/\r',
      'a@b@c',
      'a<@b',
      'a@b..c',
      `${'a'.repeat(2000)}@b`,
    ];
    for (const text of bad) assert.equal(parseJid(text), undefined, JSON.stringify(text));
  });

  it('of a call are new each time and such as Jicofo can take', () => {
    const [first, second] = [newIdentity('AB12', 'c.d', false), newIdentity('AB12', 'c.d', true)];
    assert.equal(first.bare, 'ab12@c.d');
    assert.notEqual(first.bare, second.bare);
    assert.notEqual(first.nick, second.nick);
    assert.match(second.nick, /^[0-9a-f]{8}$/);
    assert.ok(parseJid(newIdentity('a b/<\n', 'c.d', false).jid));
  });
});
