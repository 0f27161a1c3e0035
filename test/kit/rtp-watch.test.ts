import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RtpWatch, readRtp } from './rtp-watch.ts';

/** Version 2, extension bit, payload type 111, one extension word: id 1 with this level. */
function packet(sequence: number, level: number): Buffer {
  const bytes = Buffer.alloc(20 + 40);
  bytes.writeUInt8(0x90, 0);
  bytes.writeUInt8(111, 1);
  bytes.writeUInt16BE(sequence & 0xffff, 2);
  bytes.writeUInt32BE(4242, 8);
  bytes.writeUInt16BE(0xbede, 12);
  bytes.writeUInt16BE(1, 14);
  bytes.writeUInt8(0x10, 16);
  bytes.writeUInt8(0x80 | level, 17);
  return bytes;
}

test('reads the audio level where the negotiated id says, and takes RTCP and STUN for what they are', () => {
  assert.equal(readRtp(packet(1, 127), 1)?.level, 127);
  assert.equal(readRtp(packet(1, 127), 2)?.level, undefined);
  const rtcp = packet(1, 0);
  rtcp.writeUInt8(200, 1);
  assert.equal(readRtp(rtcp, 1), undefined);
  assert.equal(readRtp(Buffer.alloc(20), 1), undefined);
  assert.equal(readRtp(packet(1, 0).subarray(0, 17), 1)?.level, undefined);
});

test('counts what never came, not what came late or over the end of the numbers', () => {
  const watch = new RtpWatch();
  for (const sequence of [65534, 65535, 65537, 65536, 65540]) {
    const header = readRtp(packet(sequence, 10), 1);
    assert.ok(header);
    watch.seen(header, 1000);
  }
  const stream = watch.streams.get(4242);
  assert.deepEqual([stream?.packets, stream?.missing, stream?.levels], [5, 2, { 10: 5 }]);
});

test('notes when a stream becomes loud, once for each time', () => {
  const watch = new RtpWatch();
  for (const [sequence, level] of [60, 12, 14, 127, 70, 20].entries()) {
    const header = readRtp(packet(sequence, level), 1);
    assert.ok(header);
    watch.seen(header, 1000 + sequence * 20);
  }
  assert.deepEqual(watch.streams.get(4242)?.onsets, [1020, 1100]);
});
