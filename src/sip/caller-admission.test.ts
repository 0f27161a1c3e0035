import assert from 'node:assert/strict';
import { test } from 'node:test';
import { someAccount } from '../config/account.fixture.ts';
import type { SipAccount } from '../config/config.ts';
import { CallerAdmission } from './caller-admission.ts';
import { parseMessage } from './message-parser.ts';

const office: SipAccount = { ...someAccount, name: 'office', user: '100', server: '192.0.2.1', port: 5060 };
const carrier: SipAccount = {
  ...someAccount,
  name: 'carrier',
  user: '200',
  domain: 'carrier.test',
  server: 'sip.carrier.test',
  port: undefined,
};

function invite(user: string, ...lines: string[]) {
  const text = [
    `INVITE sip:${user}@198.51.100.1 SIP/2.0`,
    'Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1',
    'From: <sip:a@b.test>;tag=1',
    `To: <sip:${user}@198.51.100.1>`,
    'Call-ID: c',
    'CSeq: 1 INVITE',
    'Max-Forwards: 70',
    ...lines,
    '\r\n',
  ].join('\r\n');
  const parsed = parseMessage(Buffer.from(text), { address: '192.0.2.9', port: 5060 }, 'udp');
  assert.ok(parsed.ok && parsed.message.kind === 'request');
  return parsed.message;
}

function choice(admission: CallerAdmission, user: string, address: string, port = 5060, ...lines: string[]) {
  const { account, caller } = admission.choose(invite(user, ...lines), { address, port });
  return `${account.name} ${caller}`;
}

test('what was learnt about servers counts: names that were resolved, and who accepted a registration', () => {
  const admission = new CallerAdmission([office, carrier]);
  assert.equal(choice(admission, '555', '192.0.2.1'), 'office known');
  assert.equal(choice(admission, '555', '192.0.2.7'), 'office stranger');
  admission.learn(carrier, '192.0.2.7', 5060);
  assert.equal(choice(admission, '555', '192.0.2.7'), 'carrier known');
  assert.equal(choice(admission, '555', '::ffff:192.0.2.7', 40_000), 'carrier known', 'a dual-stack socket');
  admission.registeredAt('100', 'elsewhere.test', '192.0.2.8', 5060);
  assert.equal(choice(admission, '555', '192.0.2.8'), 'office stranger', 'another domain');
  admission.registeredAt('200', 'carrier.test', '192.0.2.8', 5060);
  assert.equal(choice(admission, '555', '192.0.2.8'), 'carrier known');
});

test('of accounts at one server the user that is called decides, then the port', () => {
  const second = { ...carrier, server: '192.0.2.1', port: 5080 };
  const admission = new CallerAdmission([office, second]);
  assert.equal(choice(admission, '200', '192.0.2.1', 5060), 'carrier known');
  assert.equal(choice(admission, '100', '192.0.2.1', 5080), 'office known');
  assert.equal(choice(admission, '555', '192.0.2.1', 5080), 'carrier known');
  assert.equal(choice(admission, '555', '192.0.2.1', 40_000), 'office known');
});

test('a list keeps strangers out of its account, and a proof only gets into the account that it is for', () => {
  const closed = { ...office, allowedSources: ['203.0.113.0/24', '2001:db8::/32'] };
  const proving = { ...carrier, callers: { user: 'anna', password: 'a' } };
  const admission = new CallerAdmission([closed, proving]);
  assert.equal(choice(admission, '555', '203.0.113.9'), 'office known');
  assert.equal(choice(admission, '555', '2001:db8::1'), 'office known');
  assert.equal(choice(admission, '100', '192.0.2.7'), 'office refused');
  assert.equal(choice(admission, '555', '192.0.2.7'), 'carrier stranger');
  const named =
    'Authorization: Digest username="anna", realm="carrier.test", nonce="n", uri="u", response="r"';
  assert.equal(choice(admission, '100', '192.0.2.7', 5060, named), 'carrier stranger');
  const request = invite('100', named);
  const chosen = admission.choose(request, { address: '192.0.2.7', port: 5060 });
  const challenge = admission.challenge(chosen, request);
  assert.equal(challenge?.wrong, true);
  assert.match(challenge.lines[0] ?? '', /realm="carrier\.test"/);
  const known = admission.choose(request, { address: '203.0.113.9', port: 5060 });
  assert.equal(admission.challenge(known, request), undefined, 'its address is proof enough');
  assert.equal(choice(new CallerAdmission([closed]), '555', '192.0.2.7'), 'office refused');
});
