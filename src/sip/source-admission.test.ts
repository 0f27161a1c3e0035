import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultAdmission } from '../config/admission.ts';
import { SourceAdmission, type Verdict } from './source-admission.ts';

const invite = Buffer.from('INVITE sip:1@gateway SIP/2.0\r\nUser-Agent: Phone 1.0\r\n\r\n');
const response = Buffer.from('SIP/2.0 200 OK\r\n\r\n');

function verdicts(admission: SourceAdmission, source: string, times: number, bytes = invite): Verdict[] {
  return Array.from({ length: times }, () => admission.admit(bytes, source, 0));
}

function admitted(list: readonly Verdict[]): number {
  return list.filter((verdict) => verdict === 'admitted').length;
}

test('with a list only what is on it may send requests', () => {
  const allowedSources = ['192.0.2.0/28', '198.51.100.7', '2001:db8::/32'];
  const admission = new SourceAdmission({ ...defaultAdmission, allowedSources });
  for (const source of ['192.0.2.15', '::ffff:192.0.2.15', '198.51.100.7', '2001:db8::9']) {
    assert.deepEqual(verdicts(admission, source, 1), ['admitted'], source);
  }
  for (const source of ['192.0.2.16', '198.51.100.8', '2001:db9::9']) {
    assert.deepEqual(verdicts(admission, source, 1), ['source'], source);
    assert.deepEqual(
      verdicts(admission, source, 1, response),
      ['admitted'],
      'an answer to a request of ours',
    );
  }
});

test('the PBX of our account is known without being listed', () => {
  const admission = new SourceAdmission({ ...defaultAdmission, allowedSources: ['192.0.2.1'] });
  assert.deepEqual(verdicts(admission, '203.0.113.5', 1), ['source']);
  admission.trust('203.0.113.5');
  assert.deepEqual(verdicts(admission, '203.0.113.5', 1), ['admitted']);
  assert.equal(admission.admitCall('203.0.113.5', 0), true);
});

test('a stranger has a small share, and a smaller one of calls; what is known has a large one', () => {
  const admission = new SourceAdmission({
    ...defaultAdmission,
    messagesPerSecond: 100,
    strangerMessagesPerSecond: 10,
    strangerCallsPerSecond: 1,
  });
  admission.trust('192.0.2.1');
  assert.equal(admitted(verdicts(admission, '192.0.2.1', 300)), 200);
  assert.equal(admitted(verdicts(admission, '192.0.2.2', 300)), 20);
  assert.equal(admitted(verdicts(admission, '192.0.2.3', 300)), 20, 'each stranger has its own');
  const calls = Array.from({ length: 10 }, () => admission.admitCall('192.0.2.4', 0));
  assert.equal(calls.filter(Boolean).length, 4);
});

test('scanners are known by their user agent, whoever sends them', () => {
  const admission = new SourceAdmission(defaultAdmission);
  const scan = (agent: string) => Buffer.from(`OPTIONS sip:100@x SIP/2.0\r\nuser-agent : ${agent}\r\n\r\n`);
  admission.trust('192.0.2.1');
  assert.deepEqual(verdicts(admission, '192.0.2.1', 1, scan('friendly-scanner')), ['agent']);
  assert.deepEqual(verdicts(admission, '192.0.2.2', 1, scan('x/SIPVicious 0.3')), ['agent']);
  assert.deepEqual(verdicts(admission, '192.0.2.2', 1, scan('Asterisk PBX 20')), ['admitted']);
  const none = new SourceAdmission({ ...defaultAdmission, blockedAgents: [] });
  assert.deepEqual(verdicts(none, '192.0.2.2', 1, scan('friendly-scanner')), ['admitted']);
});
