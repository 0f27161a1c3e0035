import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { parseMessage } from '../../../src/sip/message-parser.ts';
import { type RawMessage, status, value } from '../../kit/raw-sip.ts';
import { readNotation } from '../../kit/rfc-notation.ts';
import type { TestEngine } from '../../kit/sip-engine.ts';
import type { TortureCase } from './case.ts';
import { Sender } from './sender.ts';

export function readFixture(rfc: string, { file, corrected }: TortureCase): Buffer {
  const path = new URL(`../../fixtures/${rfc}/${file}.txt`, import.meta.url);
  const bytes = readNotation(readFileSync(path, 'utf8'));
  return corrected?.(bytes) ?? bytes;
}

/** Sends the message to the engine and says what that did, for the table. Throws when it is not what the case asks for. */
export async function runCase(gateway: TestEngine, torture: TortureCase, bytes: Buffer): Promise<string> {
  if (torture.values !== undefined) checkValues(torture, bytes);
  const sender = await Sender.open(topPort(bytes));
  try {
    const before = { ...gateway.engine.counters() };
    sender.send(bytes, gateway.port);
    const { outcome } = torture;
    if (outcome.kind === 'call') return await callCame(gateway, sender, bytes);
    const answers = await sender.settled(gateway.port);
    assert.equal(gateway.engine.occupancy().calls, 0);
    assert.equal(gateway.engine.counters()['dropped.exception'], undefined);
    if (outcome.kind === 'answer') return answered(torture, outcome.status, answers, sender);
    assert.deepEqual(answers, []);
    const counter = `dropped.${outcome.counter}`;
    assert.equal(gateway.engine.counters()[counter], (before[counter] ?? 0) + 1, counter);
    return `dropped (${outcome.counter})`;
  } finally {
    sender.close();
  }
}

function checkValues(torture: TortureCase, bytes: Buffer): void {
  const parsed = parseMessage(bytes, { address: '192.0.2.99', port: 5060 }, 'udp');
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.fault.reason);
  torture.values?.(parsed.message);
}

/** Port that the answer goes to (RFC 3261 §18.2.2); with `rport` any would do. */
function topPort(bytes: Buffer): number {
  const via = /^v(?:ia)?\s*:\s*SIP\s*\/\s*[\d.]+\s*\/\s*\w+\s+(?:\[[^\]]*\]|[^\s:;,[]+)(?::(\d+))?/im;
  return Number(via.exec(bytes.toString('latin1'))?.[1] ?? 5060);
}

function answered(torture: TortureCase, code: number, answers: RawMessage[], sender: Sender): string {
  assert.deepEqual(answers.map(status), [code]);
  const [response] = answers;
  assert.ok(response !== undefined);
  checkAnswer(response, sender);
  const [name, pattern] = torture.header ?? [];
  if (name !== undefined && pattern !== undefined) assert.match(value(response, name) ?? '', pattern);
  return response.startLine.slice('SIP/2.0 '.length);
}

/** RFC 3261 §8.2.6: what every answer takes from its request. */
function checkAnswer(response: RawMessage, sender: Sender): void {
  assert.match(value(response, 'via') ?? '', new RegExp(`received=${sender.address}$`));
  assert.notEqual(value(response, 'cseq'), undefined);
  const to = value(response, 'to');
  if (to !== undefined) assert.match(to, /;\s*tag\s*=/);
  assert.ok(response.headers.every(([, text]) => text !== ''));
}

async function callCame(gateway: TestEngine, sender: Sender, bytes: Buffer): Promise<string> {
  const call = await gateway.nextCall();
  call.ring();
  checkAnswer(await sender.status(180), sender);
  const offer = bytes.toString('latin1', bytes.indexOf('\r\n\r\n') + 4);
  assert.ok(call.offer !== undefined && offer.startsWith(call.offer));
  call.end({ code: 'no-room' });
  checkAnswer(await sender.status(404), sender);
  return 'call: 100, 180, then as the room decides';
}
