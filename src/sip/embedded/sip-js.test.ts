import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Headers } from '../message.ts';
import { parseMessage } from '../message-parser.ts';
import { IncomingRequest } from './incoming-message.ts';
import { OutgoingRequest, randomBranch } from './outgoing-message.ts';
import { ServerIndex } from './server-index.ts';
import * as sipJs from './sip-js.ts';

/* One test for each place where we depend on something that sip.js does not promise. */

test('sip.js is the version whose inside we know', () => {
  const path = new URL('../../../node_modules/sip.js/package.json', import.meta.url);
  assert.equal(JSON.parse(readFileSync(path, 'utf8')).version, '0.21.2');
  assert.deepEqual(sipJs.guardSipJs(), []);
});

test('a touch point that is gone stops the start', () => {
  const prototype = sipJs.OutgoingRequestMessage.prototype;
  const original = prototype.setViaHeader;
  Reflect.deleteProperty(prototype, 'setViaHeader');
  try {
    assert.deepEqual(sipJs.guardSipJs(), ['OutgoingRequestMessage.setViaHeader']);
    assert.throws(() => sipJs.prepareSipJs(sipJs.standardTimes, randomBranch), /setViaHeader/);
  } finally {
    prototype.setViaHeader = original;
  }
});

test('Timers: those that sip.js sets to zero have the values for UDP', () => {
  sipJs.prepareSipJs(sipJs.standardTimes, randomBranch);
  const { TIMER_B, TIMER_D, TIMER_H, TIMER_I, TIMER_J, TIMER_K } = sipJs.Timers;
  assert.deepEqual(
    [TIMER_B, TIMER_D, TIMER_H, TIMER_I, TIMER_J, TIMER_K],
    [32_000, 32_000, 32_000, 5_000, 32_000, 5_000],
  );
});

test('ClientTransaction.makeId: branches cannot be guessed', () => {
  const branches = new Set(Array.from({ length: 1_000 }, randomBranch));
  assert.equal(branches.size, 1_000);
  for (const branch of branches) assert.match(branch, /^z9hG4bK[0-9a-f]{18}$/);
});

function outgoing(method: string, extra: string[] = []): OutgoingRequest {
  const uri = new sipJs.URI('sip', 'a', 'example.com');
  return new OutgoingRequest(method, uri, uri, uri, { callId: 'x', fromTag: 'f' }, extra);
}

test('OutgoingRequestMessage: no User-Agent, no empty Supported, each header through the one writer', () => {
  const text = outgoing('OPTIONS', ['X: y']).toString();
  assert.ok(!/User-Agent|Supported/.test(text));
  assert.match(text, /\r\nX: y\r\nContent-Length: 0\r\n\r\n$/);
  assert.throws(() => outgoing('OPTIONS', ['X: y\r\nZ: w']).toString(), /control character/);
});

test('OutgoingRequestMessage.setViaHeader: an ACK gets a branch of ours', () => {
  const request = outgoing('ACK');
  request.setViaHeader('z9hG4bK123', 'UDP');
  assert.match(request.branch ?? '', /^z9hG4bK[0-9a-f]{18}$/);
});

function incoming(): IncomingRequest {
  const text = [
    'INVITE sip:100%@host;x=y SIP/2.0',
    'Via: SIP/2.0/UDP 1.2.3.4;branch=z9hG4bKa',
    'From: <sip:a;b=c@d>;tag=1',
    'To: <sip:100%@host>',
    'Call-ID: x',
    'CSeq: 1 INVITE',
    'Contact: <sip:E;c=d@HOST:5062;ob>;q=1',
    'Record-Route: <sip:p1;lr>, <sip:p2;lr>',
    '',
    '',
  ].join('\r\n');
  const parsed = parseMessage(Buffer.from(text), { address: '1.2.3.4', port: 5060 }, 'udp');
  assert.ok(parsed.ok && parsed.message.kind === 'request');
  return new IncomingRequest(parsed.message);
}

test('IncomingRequestMessage: what sip.js reads comes from our parser, URIs exactly as they were written', () => {
  const request = incoming();
  assert.ok(request instanceof sipJs.IncomingRequestMessage);
  const contact = request.parseHeader('Contact');
  assert.ok(contact instanceof sipJs.NameAddrHeader);
  assert.equal(contact.uri.clone().toRaw(), 'sip:E;c=d@HOST:5062;ob');
  assert.equal(request.ruri?.toString(), 'sip:100%@host;x=y');
  assert.deepEqual(request.getHeaders('Record-Route'), ['<sip:p1;lr>', '<sip:p2;lr>']);
  assert.equal(request.parseHeader('WWW-Authenticate'), undefined);
  assert.equal(request.viaBranch, 'z9hG4bKa 1.2.3.4:5060 INVITE');
});

test('UserAgentCore.userAgentServers: sip.js searches no values, merged requests are found by index', () => {
  const index = new ServerIndex();
  const message = incoming();
  const server = { message } as unknown as sipJs.UserAgentServer;
  index.set('one', server);
  assert.deepEqual([...index.values()], []);
  assert.equal(index.get('one'), server);
  assert.equal(index.isMerged(message.source, 'one'), false);
  assert.equal(index.isMerged(message.source, 'two'), true);
  index.delete('one');
  assert.equal(index.isMerged(message.source, 'two'), false);
});

test('Headers is ours alone', () => {
  assert.equal(new Headers().get('x'), undefined);
});
