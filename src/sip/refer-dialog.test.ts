import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TransferRequest } from './engine.ts';
import type { SipRequest, SipResponse } from './message.ts';
import { parseMessage } from './message-parser.ts';
import { ReferDialog, type ReferMessage } from './refer-dialog.ts';

function request(method: string, lines: readonly string[], body = ''): SipRequest {
  const text = [
    `${method} sip:a@h SIP/2.0`,
    'Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1',
    'From: <sip:b@h>;tag=b',
    'To: <sip:a@h>;tag=a',
    'Call-ID: c',
    `CSeq: 7 ${method}`,
    'Max-Forwards: 70',
    ...lines,
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
  const parsed = parseMessage(Buffer.from(text), { address: '192.0.2.1', port: 5060 }, 'udp');
  if (!parsed.ok || parsed.message.kind !== 'request') throw new Error('not a request');
  return parsed.message;
}

const refer = request('REFER', ['Refer-To: <sip:200@h>']);

interface Sent extends ReferMessage {
  answer(response: SipResponse | undefined): void;
}

function scene(): { dialog: ReferDialog; sent: Sent[]; asked: TransferRequest[] } {
  const sent: Sent[] = [];
  const asked: TransferRequest[] = [];
  const dialog = new ReferDialog({
    send(message) {
      const { promise, resolve } = Promise.withResolvers<SipResponse | undefined>();
      sent.push({ ...message, answer: resolve });
      return promise;
    },
    asked: (transfer) => asked.push(transfer),
  });
  return { dialog, sent, asked };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a NOTIFY waits for the answer to the one before it', async () => {
  const { dialog, sent, asked } = scene();
  dialog.receiveRefer(refer, () => {});
  asked[0]?.accept();
  asked[0]?.progress(200, 'OK');
  await turn();
  assert.deepEqual(
    sent.map(({ body }) => body),
    ['SIP/2.0 100 Trying\r\n'],
  );
  sent[0]?.answer({ status: 200 } as SipResponse);
  await turn();
  assert.equal(sent[1]?.body, 'SIP/2.0 200 OK\r\n');
});

test('a peer that refuses a NOTIFY gets no more of them', async () => {
  const { dialog, sent, asked } = scene();
  dialog.receiveRefer(refer, () => {});
  asked[0]?.accept();
  await turn();
  sent[0]?.answer({ status: 481 } as SipResponse);
  await turn();
  asked[0]?.progress(200, 'OK');
  await turn();
  assert.equal(sent.length, 1);
});

test('a REFER is answered once', () => {
  const { dialog, asked } = scene();
  const answers: number[] = [];
  dialog.receiveRefer(refer, (status) => answers.push(status));
  asked[0]?.refuse({ code: 'hangup' });
  asked[0]?.accept();
  dialog.close();
  assert.deepEqual(answers, [603]);
});

test('a NOTIFY that ends the subscription without an outcome ends the wait for it', async () => {
  const { dialog } = scene();
  const outcome = dialog.refer('sip:200@h');
  const lines = [
    'Event: refer',
    'Subscription-State: terminated;reason=timeout',
    'Content-Type: message/sipfrag',
  ];
  dialog.receiveNotify(request('NOTIFY', lines, 'SIP/2.0 100 Trying\r\n'), () => {});
  const result = await outcome;
  assert.equal(result.ok ? undefined : result.error.code, 'phone-failed');
});

test('a NOTIFY about something else is refused', () => {
  const { dialog } = scene();
  const answers: [number, readonly string[] | undefined][] = [];
  dialog.receiveNotify(request('NOTIFY', ['Event: presence']), (status, _, lines) =>
    answers.push([status, lines]),
  );
  assert.deepEqual(answers, [[489, ['Allow-Events: refer']]]);
});

test('words of the transfer bring no further line into the NOTIFY', async () => {
  const { dialog, sent, asked } = scene();
  dialog.receiveRefer(refer, () => {});
  asked[0]?.accept();
  asked[0]?.progress(486, 'Busy\r\nEvil: 1');
  await turn();
  sent[0]?.answer({ status: 200 } as SipResponse);
  await turn();
  assert.equal(sent[1]?.body, 'SIP/2.0 486 BusyEvil: 1\r\n');
});
