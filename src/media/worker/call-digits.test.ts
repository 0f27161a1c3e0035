import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Digit } from '../dtmf-event.ts';
import { DtmfReceiver } from '../dtmf-receiver.ts';
import { DtmfDetector } from '../dtmf-tones.ts';
import { decodeMulaw } from '../g711.ts';
import type { CallEvent } from '../protocol.ts';
import { key, type PhonePacket, phoneStage, speech } from './call.fixture.ts';
import { loadOpus } from './opus.ts';

await loadOpus();

const digitsOf = (events: readonly CallEvent[]): string =>
  events.flatMap((event) => (event.name === 'digit' ? [`${event.leg}:${event.digit.digit}`] : [])).join(' ');

test('a key on the phone is one event, under the number that we gave to telephone-events', async (t) => {
  const { connect, send, events } = await phoneStage(t);
  connect({ telephoneEvent: { payloadType: 101, receivePayloadType: 96, clockRate: 8000 } });
  await send(...speech(0, 3, 0), ...key(5, 3, 480, 96), ...key(5, 10, 1800, 96));
  assert.equal(digitsOf(events), 'phone:5 phone:5');
  assert.deepEqual(
    events.flatMap((event) => (event.name === 'digit' ? [event.digit.durationMs] : [])),
    [100, 100],
  );
});

test('digits of the gateway reach the phone as RFC 4733, at the clock that was negotiated', async (t) => {
  const { call, connect, hear, pass } = await phoneStage(t);
  for (const [codec, clockRate, payloadType] of [
    ['PCMU', 8000, 101],
    ['opus', 48_000, 100],
    ['opus', 8000, 101],
  ] as const) {
    connect({ codec, telephoneEvent: { payloadType, clockRate } });
    if (codec === 'opus') pass(); // an encoder takes a moment to be there
    await new Promise((resolve) => setImmediate(resolve));
    call.sendDtmf('4#', 'phone');
    const packets = await hear(40, 34);
    const digits: Digit[] = [];
    const receiver = new DtmfReceiver({ clockRate, onDigit: (digit) => digits.push(digit) });
    const events = packets.filter(({ header }) => header.payloadType === payloadType);
    for (const { header, datagram } of events) receiver.receive(header, datagram, 0);
    assert.deepEqual(digits, [
      { digit: '4', durationMs: 160 },
      { digit: '#', durationMs: 160 },
    ]);
    assert.deepEqual(
      packets.map(({ header }, index) => (header.sequence - index) & 0xffff),
      packets.map(() => packets[0]?.header.sequence),
      'no hole in the sequence',
    );
    assert.equal(events.filter(({ header }) => header.marker).length, 2);
  }
});

test('after a digit the audio goes on at its time', async (t) => {
  const { call, connect, hear } = await phoneStage(t);
  connect();
  const [before] = await hear(1);
  call.sendDtmf('1', 'phone');
  const packets = await hear(20, 17); // 8 packets, 2 repeated ends, 3 ticks of pause
  const after = packets.find(({ header }) => header.payloadType === 0);
  assert.ok(before && after);
  assert.equal(after.header.timestamp - before.header.timestamp, 14 * 160);
});

test('a phone that negotiated nothing gets tones, once they are asked for or always with "inband"', async (t) => {
  for (const changes of [{ telephoneEvent: undefined }, { digits: 'inband' as const }]) {
    const { call, connect, hear } = await phoneStage(t);
    connect(changes);
    call.sendDtmf('4,#', 'phone');
    assert.deepEqual(listen(await hear(120)), ['4', '#']);
  }
});

test('a phone for which RFC 4733 is forced gets no tones when it did not negotiate that', async (t) => {
  const { call, connect, hear } = await phoneStage(t);
  connect({ telephoneEvent: undefined, digits: 'rfc4733' });
  call.sendDtmf('4', 'phone');
  assert.deepEqual(listen(await hear(40)), []);
});

/** Digits in the audio that the phone got. */
function listen(packets: readonly PhonePacket[]): string[] {
  const digits: string[] = [];
  const detector = new DtmfDetector(8000, ({ digit }) => digits.push(digit));
  for (const { payload } of packets) {
    const frame = new Int16Array(160);
    decodeMulaw(payload, frame, 0);
    detector.hear(frame);
  }
  return digits;
}
