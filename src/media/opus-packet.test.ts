import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOpusDtx, mayCarryFec, opusPacketTicks } from './opus-packet.ts';

const packet = (...bytes: number[]): Buffer => Buffer.from(bytes);

test('durations of all configurations, by table 2 of RFC 6716', () => {
  const silk = [10, 20, 40, 60];
  const hybrid = [10, 20];
  const celt = [2.5, 5, 10, 20];
  const table = [silk, silk, silk, hybrid, hybrid, celt, celt, celt, celt].flat();
  for (const [configuration, ms] of table.entries()) {
    if (configuration > 31) break;
    assert.equal(
      opusPacketTicks(packet(configuration << 3, 1, 2)),
      ms * 48,
      `configuration ${configuration}`,
    );
  }
});

test('several frames in a packet add up, to 120 ms at most', () => {
  assert.equal(opusPacketTicks(packet((1 << 3) | 1, 0, 0)), 1920);
  assert.equal(opusPacketTicks(packet((1 << 3) | 2, 1, 0)), 1920);
  assert.equal(opusPacketTicks(packet((1 << 3) | 3, 6)), 5760);
  assert.equal(opusPacketTicks(packet((1 << 3) | 3, 7)), 0);
  assert.equal(opusPacketTicks(packet((3 << 3) | 3, 3)), 0);
});

test('malformed packets have no duration', () => {
  assert.equal(opusPacketTicks(packet()), 0);
  assert.equal(opusPacketTicks(packet(3)), 0);
  assert.equal(opusPacketTicks(packet(3, 0)), 0);
});

test('packets of discontinuous transmission, and those that may hold a copy, are recognised', () => {
  assert.ok(isOpusDtx(packet(0x78)) && isOpusDtx(packet(0x78, 0)) && !isOpusDtx(packet(0x78, 0, 0)));
  assert.ok(!isOpusDtx(packet()));
  assert.ok(
    mayCarryFec(packet(0x78, 1, 1)) && !mayCarryFec(packet(0x80, 1, 1)) && !mayCarryFec(packet(0x78)),
  );
});
