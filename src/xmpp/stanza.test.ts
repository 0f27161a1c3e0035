import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { reply } from './replies.ts';
import { attribute, child, element, parseElement, serialise, text } from './stanza.ts';

describe('stanzas', () => {
  it('come back as they were written, line ends in attributes included', () => {
    const value = `a<b>&"'\t\n\r\u00fc\u{1f600}`;
    const made = element('iq', { id: value, n: 5, gone: undefined }, element('x', { xmlns: 'y' }, value));
    const read = parseElement(serialise(made));
    assert.ok(read.ok);
    assert.equal(attribute(read.value, 'id'), value);
    assert.equal(attribute(read.value, 'n'), '5');
    assert.equal(attribute(read.value, 'gone'), undefined);
    const inner = child(read.value, 'x', 'y');
    assert.equal(inner && text(inner), value);
  });

  it('never carry what would make Prosody end the stream', () => {
    const made = element('nick', { a: '\u0000\u001fa\ufffe' }, `b\ud800c\u0008`);
    assert.equal(serialise(made), '<nick a="a">bc</nick>');
  });

  it('have no attributes but their own', () => {
    const made = element('x');
    for (const name of ['constructor', 'toString', '__proto__'])
      assert.equal(attribute(made, name), undefined);
  });

  it('that are not well-formed are values, not exceptions', () => {
    for (const bad of ['<a><b></a></b>', '<a x="&bad;"/>', '<a>&#0;</a>', '', 'x', '<a x="&#1114112;"/>']) {
      assert.ok(!parseElement(bad).ok, bad);
    }
  });

  it('echo the id of a request byte for byte', () => {
    const id = 'Y2FsbC0xQ+/==\n"\'<&>';
    const request = element('iq', { type: 'get', id, from: 'a@b/c', to: 'd' });
    const answer = reply(request, {});
    const read = parseElement(serialise(answer));
    assert.ok(read.ok);
    assert.deepEqual({ ...read.value.attrs }, { to: 'a@b/c', from: 'd', id, type: 'result' });
  });
});
