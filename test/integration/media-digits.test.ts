import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Digit, writeTelephoneEvent } from '../../src/media/dtmf-event.ts';
import { DtmfReceiver } from '../../src/media/dtmf-receiver.ts';
import { DtmfDetector } from '../../src/media/dtmf-tones.ts';
import type { PhoneMedia } from '../../src/media/media-engine.ts';
import { newRtpHeader } from '../../src/media/rtp.ts';
import { levelAt } from '../kit/analysis.ts';
import { bridgeOf, callWithPhone, endAfter, poolOfFile } from '../kit/media-call.ts';
import type { BridgePacket, RtpBridge } from '../kit/rtp-bridge.ts';
import type { HeardPacket } from '../kit/rtp-recording.ts';
import type { Sound } from '../kit/sound.ts';
import { tone } from '../kit/tone.ts';

// Keys and prompts through real workers, between a telephone and a bridge that are seen packet by packet.

const pool = poolOfFile();

const source = 1001;

async function stage(t: TestContext, changes: Partial<PhoneMedia> = {}) {
  const { call, phone } = await callWithPhone(pool, t.name, { changes });
  endAfter(t, { call, phone });
  return { call, phone, bridge: await bridgeOf(t, call, source) };
}

test('a key of the phone is told once, and the room hears nothing of it', async (t) => {
  const { call, phone, bridge } = await stage(t);
  phone.say(tone(1000, 8000, 1, -15));
  await bridge.packet(({ header }) => header.audioLevel >= 0 && header.audioLevel < 30);
  const digit = once(call, 'digit');
  await phone.dtmf('5');
  assert.deepEqual(await digit, [{ digit: '5', durationMs: 160 }, 'phone']);
  const before = bridge.received.length;
  // The key was down for 220 ms: silence went to the room at that time, and then the voice again.
  const silent = bridge.received.slice(-20).filter(({ header }) => header.audioLevel >= 126);
  assert.ok(
    silent.length >= 1,
    JSON.stringify(bridge.received.slice(-20).map(({ header }) => header.audioLevel)),
  );
  await bridge.packet((packet) => bridge.received.indexOf(packet) >= before && packet.header.audioLevel < 30);
  assert.ok(bridge.received.every(({ header }) => header.payloadType === 111));
});

test('a key in the room reaches the phone as RFC 4733, as tones, or as an event for INFO', async (t) => {
  for (const [changes, how] of [
    [{}, 'rfc4733'],
    [{ telephoneEvent: undefined }, 'tones'],
    [{ digits: 'info' }, 'none'],
  ] as const) {
    const { call, phone, bridge } = await stage(t, changes);
    phone.say(undefined);
    const told: string[] = [];
    call.on('digit', ({ digit }, leg) => told.push(`${leg} ${digit}`));
    await pressInRoom(bridge, 7, 100);
    await pressInRoom(bridge, 11, 120);
    await phone.recording.more(35);
    assert.deepEqual(told, ['room 7', 'room #'], how);
    assert.equal(digitsIn(phone.recording.packets, 101), how === 'rfc4733' ? '7#' : '', how);
    assert.equal(tonesIn(phone.recording.heard()), how === 'tones' ? '7#' : '', how);
    assert.deepEqual((await call.statistics()).bridge.dropped, {}, how);
  }
});

test('the gateway presses keys in the room, and its stream has no hole', async (t) => {
  const { call, phone, bridge } = await stage(t);
  phone.say(tone(1000, 8000, 1, -15));
  await bridge.packet(({ header }) => header.audioLevel >= 0 && header.audioLevel < 30);
  call.sendDtmf('19', 'room');
  await bridge.packet(({ payload }) => payload.length === 4 && payload[0] === 9 && (payload[1] ?? 0) >= 128);
  assert.equal(understood(bridge.received.filter(({ header }) => header.payloadType === 126)), '19');
  const numbers = bridge.received.map(({ header }) => header.sequence);
  const first = numbers[0] ?? 0;
  assert.deepEqual(
    numbers,
    numbers.map((_, index) => (first + index) & 0xffff),
  );
});

test('a prompt is heard by the phone over the quieter room, and tells when it is over', async (t) => {
  const { call, phone } = await stage(t);
  phone.say(undefined);
  await phone.recording.more(10);
  const over = call.play([
    { kind: 'tone', frequencies: [600], ms: 300 },
    { kind: 'tone', frequencies: [900], ms: 300 },
  ]);
  await phone.recording.more(55);
  assert.deepEqual(await over, { ok: true, value: 'ended' });
  const heard = phone.recording.heard();
  const first = heard.samples.findIndex((sample) => Math.abs(sample) > 2000);
  const from = first / 8000;
  assert.ok(levelAt(part(heard, from + 0.05, 0.2), 600) > -18);
  assert.ok(levelAt(part(heard, from + 0.35, 0.2), 900) > -18);
  const missing = await call.play([{ kind: 'file', path: '/nowhere/none.opus' }]);
  assert.ok(!missing.ok && missing.error.detail?.includes('/nowhere/none.opus'));
});

test('a recording plays in every codec, into either leg, until it is stopped or the call ends', async (t) => {
  const path = fileURLToPath(new URL('../../sounds/en/alone.opus', import.meta.url));
  for (const codec of ['PCMA', 'G722', 'opus'] as const) {
    const { call, phone, bridge } = await stage(t, { codec });
    const toPhone = call.play([{ kind: 'file', path, loop: true }], { mode: 'replace' });
    const toRoom = call.play([{ kind: 'file', path }], { leg: 'room' });
    await bridge.packet(({ header }) => header.audioLevel >= 0 && header.audioLevel < 40);
    await phone.recording.more(25);
    const payloads = new Set(
      phone.recording.packets.slice(-20).map(({ payload }) => payload.toString('hex')),
    );
    assert.ok(payloads.size > 10, `${codec}: something is said`);
    call.stopPlaying('phone');
    assert.deepEqual(await toPhone, { ok: true, value: 'stopped' });
    await call.close();
    assert.deepEqual(await toRoom, { ok: true, value: 'stopped' });
  }
});

/** A browser's key of 200 ms, 126/8000, every 20 ms; the end three times. */
async function pressInRoom(bridge: RtpBridge, code: number, sequence: number): Promise<void> {
  for (let step = 1; step <= 12; step += 1) {
    const payload = Buffer.alloc(4);
    writeTelephoneEvent(payload, 0, {
      code,
      end: step >= 10,
      volume: 10,
      duration: Math.min(step, 10) * 160,
    });
    const timestamp = sequence * 960;
    bridge.send(
      {
        ssrc: source,
        payloadType: 126,
        sequence: sequence + step,
        timestamp,
        marker: step === 1,
        audioLevel: 127,
      },
      payload,
    );
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Digits among packets of a phone or of the bridge, as a receiver of RFC 4733 would understand them. */
function digitsIn(packets: readonly HeardPacket[], payloadType: number): string {
  return understood(
    packets
      .filter((packet) => packet.payloadType === payloadType)
      .map(({ payload, ...fields }) => ({ header: { ...newRtpHeader(), ...fields }, payload })),
  );
}

function understood(packets: readonly BridgePacket[]): string {
  const digits: Digit[] = [];
  const receiver = new DtmfReceiver({ clockRate: 8000, onDigit: (digit) => digits.push(digit) });
  for (const { header, payload } of packets) {
    receiver.receive({ ...header, payloadStart: 0, payloadEnd: payload.length }, payload, 0);
  }
  return digits.map(({ digit }) => digit).join('');
}

/** Digits in what the phone heard. */
function tonesIn(sound: Sound): string {
  const digits: string[] = [];
  const detector = new DtmfDetector(8000, ({ digit }) => digits.push(digit));
  for (let at = 0; at + 160 <= sound.samples.length; at += 160) {
    detector.hear(sound.samples.subarray(at, at + 160));
  }
  return digits.join('');
}

function part({ rate, samples }: Sound, from: number, length: number): Sound {
  return { rate, samples: samples.slice(Math.round(from * rate), Math.round((from + length) * rate)) };
}
