import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Digit, dtmfDigits, writeTelephoneEvent } from './dtmf-event.ts';
import { DtmfReceiver } from './dtmf-receiver.ts';
import { DtmfSender } from './dtmf-sender.ts';
import { newRtpHeader, type RtpHeader } from './rtp.ts';

interface Packet {
  readonly header: RtpHeader;
  readonly payload: Buffer;
}

/** A telephone that presses keys: packets every 20 ms, as `DtmfSender` makes them. */
function press(keys: readonly Digit[], clockRate: number): Packet[] {
  const sender = new DtmfSender(clockRate);
  for (const key of keys) sender.add(key);
  const packets: Packet[] = [];
  let [sequence, now, start] = [65_530, 0, 0];
  for (let step = sender.next(); step !== undefined; step = sender.next(), now += clockRate / 50) {
    if (step.event === undefined) continue;
    if (step.isFirst) start = now;
    const payload = Buffer.alloc(4);
    writeTelephoneEvent(payload, 0, { ...step.event, volume: 10 });
    const timestamp = (0xffff_f000 + start + Math.round((step.offsetMs * clockRate) / 1000)) >>> 0;
    packets.push({ header: headerOf(sequence, timestamp, step.isFirst), payload });
    sequence = (sequence + 1) & 0xffff;
  }
  return packets;
}

function headerOf(sequence: number, timestamp: number, marker: boolean): RtpHeader {
  return { ...newRtpHeader(), ssrc: 7, sequence, timestamp, marker, payloadStart: 0, payloadEnd: 4 };
}

/** What is recognised when the packets come every 20 ms. */
function recognise(packets: readonly (Packet | undefined)[], clockRate = 8000): Digit[] {
  const digits: Digit[] = [];
  const receiver = new DtmfReceiver({ clockRate, onDigit: (digit) => digits.push(digit) });
  let now = 1000;
  for (const packet of packets) {
    if (packet) receiver.receive(packet.header, packet.payload, now);
    receiver.tick(now);
    now += 20;
  }
  for (let wait = 0; wait < 20; wait += 1, now += 20) receiver.tick(now);
  assert.equal(receiver.isPressed, false);
  return digits;
}

const text = (digits: readonly Digit[]): string => digits.map(({ digit }) => digit).join('');
const keys = (digits: string, durationMs = 160): Digit[] =>
  [...digits].map((digit) => ({ digit, durationMs }));

test('every digit comes once and with its duration, at each clock', () => {
  for (const clockRate of [8000, 16_000, 48_000]) {
    const digits = recognise(press(keys(dtmfDigits), clockRate), clockRate);
    assert.deepEqual(digits, keys(dtmfDigits), `${clockRate}`);
  }
});

test('the same digit twice is two digits, also without marker bits', () => {
  const packets = press(keys('4477'), 8000);
  assert.equal(text(recognise(packets)), '4477');
  assert.equal(
    text(recognise(packets.map((packet) => ({ ...packet, header: { ...packet.header, marker: false } })))),
    '4477',
  );
});

test('a lost start, lost ends and a lost middle lose no digit and make none', () => {
  const packets = press(keys('123'), 8000);
  const perDigit = packets.length / 3;
  for (let lost = 0; lost < 2 ** perDigit - 1; lost += 1) {
    const kept = packets.map((packet, at) => ((lost >> (at % perDigit)) & 1 ? undefined : packet));
    assert.equal(text(recognise(kept)), '123', lost.toString(2));
  }
});

test('packets out of order and twice make no further digit', () => {
  const packets = press(keys('55'), 8000);
  const doubled = packets.flatMap((packet) => [packet, packet]);
  assert.equal(text(recognise(doubled)), '55');
  const half = packets.length / 2;
  // The first packet, with the marker, comes after the ends; and one of the first digit after the whole second one.
  const late = [...packets.slice(1, half), packets[0], ...packets.slice(half), packets[2]];
  assert.equal(text(recognise(late)), '55');
});

test('a press longer than 16 bits of duration is one digit', () => {
  for (const clockRate of [8000, 48_000]) {
    const digits = recognise(press(keys('9', 9500), clockRate), clockRate);
    assert.deepEqual(digits, keys('9', 9500), `${clockRate}`);
  }
});

test('a sender that does not advance its timestamp between digits is understood', () => {
  const still = press(keys('11'), 8000).map(({ header, payload }) => ({
    header: { ...header, timestamp: 5 },
    payload,
  }));
  assert.equal(text(recognise(still)), '11');
});

test('a digit whose end is lost is over when the next one begins', () => {
  const digits: Digit[] = [];
  const receiver = new DtmfReceiver({ clockRate: 8000, onDigit: (digit) => digits.push(digit) });
  const [first, second] = [press(keys('1'), 8000)[0], press(keys('2'), 8000)[0]];
  assert.ok(first && second);
  receiver.receive(first.header, first.payload, 0);
  receiver.receive(headerOf(9, first.header.timestamp + 900, true), second.payload, 60);
  assert.equal(text(digits), '1');
});

test('other events, short payloads and a flood are refused', () => {
  const digits: Digit[] = [];
  const receiver = new DtmfReceiver({ clockRate: 8000, onDigit: (digit) => digits.push(digit) });
  const flash = Buffer.from([16, 0x80, 0, 80]);
  assert.equal(receiver.receive(headerOf(1, 1, true), flash, 0), 80);
  assert.equal(receiver.receive({ ...headerOf(1, 1, true), payloadEnd: 3 }, flash, 0), -1);
  const end = Buffer.from([1, 0x80, 0, 80]);
  for (let count = 0; count < 1000; count += 1)
    receiver.receive(headerOf(count, count * 400, true), end, 100);
  assert.equal(digits.length, 20);
  assert.equal(receiver.refused, 980);
});
