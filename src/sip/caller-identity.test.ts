import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callerOf } from './caller-identity.ts';
import { parseMessage } from './message-parser.ts';

function caller(from: string, lines: readonly string[], trusted = true) {
  const text = [
    'INVITE sip:room@gateway.test SIP/2.0',
    'Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa',
    `From: ${from};tag=1`,
    'To: <sip:room@gateway.test>',
    'Call-ID: x',
    'CSeq: 1 INVITE',
    'Contact: <sip:c@192.0.2.1>',
    ...lines,
    '',
    '',
  ].join('\r\n');
  const parsed = parseMessage(Buffer.from(text), { address: '192.0.2.1', port: 5060 }, 'udp');
  assert.ok(parsed.ok && parsed.message.kind === 'request');
  return callerOf(parsed.message, trusted);
}

const alice = '"Alice" <sip:+491@pbx.test>';
const nobody = { uri: 'sip:anonymous@anonymous.invalid', user: 'anonymous', displayName: 'Anonymous' };

test('From is who calls', () => {
  assert.deepEqual(caller(alice, []), { uri: 'sip:+491@pbx.test', user: '+491', displayName: 'Alice' });
});

test('P-Asserted-Identity of a trusted peer counts more, that of a stranger nothing', () => {
  const lines = ['P-Asserted-Identity: <tel:+492>, "Bob" <sip:+492@carrier.test>'];
  assert.deepEqual(caller(alice, lines), {
    uri: 'sip:+492@carrier.test',
    user: '+492',
    displayName: 'Bob',
  });
  assert.equal(caller(alice, lines, false).user, '+491');
  assert.deepEqual(caller(alice, ['P-Asserted-Identity: <sip:+493@carrier.test>']), {
    uri: 'sip:+493@carrier.test',
    user: '+493',
    displayName: 'Alice',
  });
});

test('who asks for privacy is nobody, also with an identity that the carrier asserts', () => {
  const asserted = 'P-Asserted-Identity: "Bob" <sip:+492@carrier.test>';
  for (const privacy of ['id', 'user', 'header;user', 'ID;critical', 'none, id'])
    assert.deepEqual(caller(alice, [`Privacy: ${privacy}`, asserted]), nobody, privacy);
  for (const privacy of ['none', 'session', 'critical'])
    assert.equal(caller(alice, [`Privacy: ${privacy}`]).user, '+491', privacy);
});

test('an anonymous From is nobody, unless the carrier says who and nobody minds', () => {
  for (const from of ['<sip:anonymous@anonymous.invalid>', '"Alice" <sip:Anonymous@pbx.test>'])
    assert.deepEqual(caller(from, []), nobody, from);
  const asserted = ['P-Asserted-Identity: <sip:+492@carrier.test>'];
  assert.deepEqual(caller('"Anonymous" <sip:anonymous@anonymous.invalid>', asserted), {
    uri: 'sip:+492@carrier.test',
    user: '+492',
    displayName: undefined,
  });
});

test('who passed the call on is told by Diversion, else by History-Info, when it may be', () => {
  const diversion = 'Diversion: "Desk" <sip:200@pbx.test>;reason=no-answer, <sip:300@pbx.test>';
  assert.deepEqual(caller(alice, [diversion]).diverted, { user: '200', displayName: 'Desk' });
  const history = [
    'History-Info: <sip:300@pbx.test>;index=1, <sip:200@pbx.test>;index=1.1, <sip:room@gateway.test>;index=1.2',
  ];
  assert.deepEqual(caller(alice, history).diverted, { user: '200', displayName: undefined });
  assert.equal(caller(alice, history, false).diverted, undefined);
  for (const line of [
    'Diversion: <sip:200@pbx.test>;privacy=full',
    'History-Info: <sip:200@pbx.test?Privacy=history>;index=1, <sip:room@x>;index=1.1',
    'History-Info: <sip:room@gateway.test>;index=1',
    'Diversion: nonsense',
  ])
    assert.equal(caller(alice, [line]).diverted, undefined, line);
});
