import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasFec, isOpusDtx, opusPacketTicks } from './opus-packet.ts';

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

test('packets of discontinuous transmission are recognised', () => {
  assert.ok(isOpusDtx(packet(0x78)) && isOpusDtx(packet(0x78, 0)) && !isOpusDtx(packet(0x78, 0, 0)));
  assert.ok(!isOpusDtx(packet()));
});

test('a packet that holds a copy of the one before says so, whatever its frames are', () => {
  assert.ok(hasFec(packet(0x78, 0x40, 1)) && !hasFec(packet(0x78, 0xbf, 1)), '20 ms: the second bit');
  assert.ok(hasFec(packet(0x18, 0x10, 1)) && !hasFec(packet(0x18, 0xef, 1)), '60 ms: the fourth bit');
  assert.ok(hasFec(packet(0x7c, 0x10, 1)) && !hasFec(packet(0x7c, 0xaf, 1)), 'stereo: the side has one too');
  assert.ok(hasFec(packet(0x7a, 252, 1, 0x40)) && !hasFec(packet(0x7a, 9, 0x80, 0x40)), 'behind a length');
  assert.ok(hasFec(packet(0x7b, 0xc2, 1, 9, 0x40)), 'behind padding and lengths');
  assert.ok(!hasFec(packet(0x80, 0x40, 1)), 'CELT has none');
  for (const nothing of [packet(), packet(0x78), packet(0x7b, 0xff, 255)]) assert.ok(!hasFec(nothing));
});
