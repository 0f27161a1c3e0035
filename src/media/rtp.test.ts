import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { newRtpHeader, parseRtp, writeRtp } from './rtp.ts';

const fields = { marker: true, payloadType: 111, sequence: 65535, timestamp: 4294967295, ssrc: 3735928559 };

function parsed(packet: Buffer, audioLevelId = 0) {
  const header = newRtpHeader();
  assert.ok(parseRtp(packet, header, audioLevelId));
  return header;
}

for (const id of [1, 14, 15, 255]) {
  test(`a packet with the audio level as extension ${id} reads back as written`, () => {
    const out = Buffer.alloc(100, 0xee);
    const start = writeRtp(out, { ...fields, audioLevel: 127, voice: true }, id);
    const header = parsed(out, id);
    assert.deepEqual(header, { ...fields, audioLevel: 127, voice: true, payloadStart: 20, payloadEnd: 100 });
    assert.equal(start, 20);
  });
}

test('without an extension the payload begins at 12 and the level is unknown', () => {
  const out = Buffer.alloc(14);
  assert.equal(writeRtp(out, { ...fields, audioLevel: 30, voice: true }), 12);
  const header = parsed(out, 1);
  assert.deepEqual(
    [header.payloadStart, header.payloadEnd, header.audioLevel, header.voice],
    [12, 14, -1, false],
  );
});

test('CSRCs, other extensions and padding are stepped over', () => {
  const packet = Buffer.concat([
    Buffer.from('b26f0001000000020000000300000004', 'hex'), // padding, extension, two CSRCs, …
    Buffer.from('00000005', 'hex'),
    Buffer.from('bede0003', 'hex'),
    Buffer.from('32aabbcc' + '00' + '10' + '05' + '00' + '00000000', 'hex'), // id 3 of 3 bytes, padding, id 1: level 5
    Buffer.from('cafe', 'hex'),
    Buffer.from('000003', 'hex'),
  ]);
  const header = parsed(packet, 1);
  assert.equal(packet.subarray(header.payloadStart, header.payloadEnd).toString('hex'), 'cafe');
  assert.equal(header.audioLevel, 5);
  assert.equal(header.voice, false);
  assert.equal(parsed(packet, 2).audioLevel, -1);
});

test('two-byte elements: an empty one and a longer one before the level', () => {
  const packet = Buffer.concat([
    Buffer.from('906f00010000000200000003', 'hex'),
    Buffer.from('10000003', 'hex'),
    Buffer.from('0500' + '0702aabb' + '00' + '0401' + '9e' + '0000', 'hex'),
  ]);
  const header = parsed(packet, 4);
  assert.equal(header.audioLevel, 0x1e);
  assert.equal(header.voice, true);
});

test('the reserved element id 15 ends the search', () => {
  const packet = Buffer.from('906f00010000000200000003bede0001f0101500', 'hex');
  assert.equal(parsed(packet, 1).audioLevel, -1);
});

test('malformed packets are refused', () => {
  const header = newRtpHeader();
  const bad = {
    'too short': '806f000100000002000000',
    'version 1': '406f00010000000200000003',
    'CSRCs cut': '816f00010000000200000003',
    'extension header cut': '906f00010000000200000003bede',
    'extension cut': '906f00010000000200000003bede000110',
    'padding of nothing': 'a06f0001000000020000000300',
    'padding longer than the payload': 'a06f00010000000200000003cafe04',
  };
  for (const [name, hex] of Object.entries(bad)) {
    assert.equal(parseRtp(Buffer.from(hex, 'hex'), header), false, name);
  }
});

test('random bytes never throw and never place the payload outside the packet', () => {
  const header = newRtpHeader();
  for (let round = 0; round < 20_000; round++) {
    const packet = randomBytes(round % 60);
    if (packet.length > 0) packet[0] = 0x80 | (packet[0] as number & 0x3f);
    if (!parseRtp(packet, header, 1 + (round % 15))) continue;
    assert.ok(header.payloadStart >= 12 && header.payloadStart <= header.payloadEnd);
    assert.ok(header.payloadEnd <= packet.length);
  }
});
