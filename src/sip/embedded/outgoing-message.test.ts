import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExactUri } from './incoming-message.ts';
import { encodeMessage, OutgoingRequest } from './outgoing-message.ts';
import { URI } from './sip-js.ts';

const here = new URI('sip', 'a', 'gateway.test');

function request(lines: string[], displayName = '', target = here): string {
  const options = { callId: 'c', fromTag: 't', fromDisplayName: displayName, cseq: 1 };
  return new OutgoingRequest('INVITE', target, here, target, options, lines).toString();
}

test('what is sent is byte for byte what was written', () => {
  const text = `${request(['X-Room: r\u00c3\u00a9'])}ü`;
  assert.equal(encodeMessage(text).toString('utf8').endsWith('\r\n\r\nü'), true);
  assert.equal(encodeMessage(text).includes('X-Room: ré'), true);
});

test('no control character leaves, wherever it stands in a head', () => {
  const good = request(['X-Room: room']);
  assert.doesNotThrow(() => encodeMessage(good));
  const controls = [...Array(32).keys(), 127].filter((code) => code !== 9);
  for (const code of controls) {
    for (const place of ['INVITE ', 'sip:', 'From: ', 'X-Room: ', 'Call-ID: ']) {
      const evil = good.replace(place, `${place}${String.fromCharCode(code)}`);
      assert.notEqual(evil, good);
      assert.throws(() => encodeMessage(evil), TypeError, `${code} after ${place}`);
    }
  }
});

test('a line that is no header does not leave, nor a message without end of its head', () => {
  const good = request(['X-Room: room']);
  for (const line of ['no colon', ': no name', 'two words: x', ' folded', ';tag=x', 'é: x']) {
    assert.throws(
      () => encodeMessage(good.replace('X-Room: room', `X-Room: room\r\n${line}`)),
      TypeError,
      line,
    );
  }
  assert.throws(() => encodeMessage('INVITE sip:a SIP/2.0\r\nX: y\r\n'), TypeError);
});

test('a header, a name or a target that carries a header of its own is refused where the request is written', () => {
  const evil = 'a\r\nX-Evil: 1';
  assert.throws(() => request([`X-Room: ${evil}`]), TypeError);
  assert.throws(() => request([], evil), TypeError);
  assert.throws(() => request([`${evil}: b`]), TypeError);
  const parts = { scheme: 'sip', user: 'a', host: 'b', port: undefined, parameters: new Map() };
  const target = new ExactUri({ ...parts, text: `sip:${evil}@b`, headers: undefined });
  assert.throws(() => request([], '', target), TypeError);
});
