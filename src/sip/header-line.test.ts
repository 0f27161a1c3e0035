import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromWire, headerLine, quoted, toWire, withoutControls } from './header-line.ts';

test('no control character gets into a header', () => {
  for (let code = 0; code < 0x20; code += 1) {
    assert.throws(() => headerLine('X', `a${String.fromCharCode(code)}b`), /control character/);
  }
  assert.throws(() => headerLine('X', 'a\u007f'), /control character/);
});

test('a header name is a token', () => {
  for (const name of ['', 'X Y', 'X:', 'X\r\nY', 'Ü'])
    assert.throws(() => headerLine(name, 'v'), /not a token/);
  assert.equal(headerLine('X-Room', 'v'), 'X-Room: v');
});

test('a display name cannot leave its quotes', () => {
  assert.equal(quoted('a" <sip:evil>\r\n\\'), '"a\\" <sip:evil>\\\\"');
});

test('text survives the wire', () => {
  for (const text of ['plain', 'Réunion', '会議 🎉']) assert.equal(fromWire(toWire(text)), text);
  assert.equal(headerLine('X', toWire('é')), 'X: \u00c3\u00a9');
  assert.equal(withoutControls('a\u0085b\u2028c\u009fd\0'), 'abcd');
});
