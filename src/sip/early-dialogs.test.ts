import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EarlyDialogs } from './early-dialogs.ts';
import { parseMessage } from './message-parser.ts';

function ringing(toTag: string) {
  const lines = [
    'SIP/2.0 180 Ringing',
    'Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKa',
    'From: <sip:us@pbx.test>;tag=ours',
    `To: <sip:200@pbx.test>${toTag === '' ? '' : `;tag=${toTag}`}`,
    'Call-ID: a',
    'CSeq: 1 INVITE',
    'Content-Length: 0',
  ];
  const parsed = parseMessage(
    Buffer.from(`${lines.join('\r\n')}\r\n\r\n`),
    { address: '127.0.0.1', port: 5060 },
    'udp',
  );
  assert.ok(parsed.ok && parsed.message.kind === 'response');
  return parsed.message;
}

test('each phone that rings is a dialog, once; responses without a tag make none', () => {
  const early = new EarlyDialogs();
  for (const tag of ['x', 'y', 'x', '']) early.note(ringing(tag));
  const dialog = (remoteTag: string) => ({ callId: 'a', localTag: 'ours', remoteTag });
  assert.deepEqual(early.tags, [dialog('x'), dialog('y')]);
  early.clear();
  assert.deepEqual(early.tags, []);
});

test('a peer that rings with ever new tags fills nothing', () => {
  const early = new EarlyDialogs();
  for (let tag = 0; tag < 1000; tag += 1) early.note(ringing(String(tag)));
  assert.ok(early.tags.length <= 16);
});
