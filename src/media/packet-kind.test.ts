import assert from 'node:assert/strict';
import { test } from 'node:test';
import { looksLikeDtls, looksLikeRtcp, looksLikeRtp, looksLikeStun, packetKind } from './packet-kind.ts';

const binding = Buffer.from('000100002112a442000102030405060708090a0b', 'hex');
const record = Buffer.from('16fefd0000000000000000000101', 'hex');
const rtp = Buffer.from('806f000100000000000000010011', 'hex');
const receiverReport = Buffer.from('80c9000100000001', 'hex');

test('the four kinds on one port are told apart', () => {
  assert.equal(packetKind(binding), 'stun');
  assert.equal(packetKind(record), 'dtls');
  assert.equal(packetKind(rtp), 'rtp');
  assert.equal(packetKind(receiverReport), 'rtcp');
  assert.ok(
    looksLikeStun(binding) && looksLikeDtls(record) && looksLikeRtp(rtp) && looksLikeRtcp(receiverReport),
  );
});

test('a marker bit with payload type 111 is RTP, not RTCP; feedback (206) is RTCP', () => {
  assert.equal(packetKind(Buffer.from('80ef000100000000000000010011', 'hex')), 'rtp');
  assert.equal(packetKind(Buffer.from('81ce000100000001', 'hex')), 'rtcp');
});

test('what is cut short, or of another protocol, is unknown', () => {
  for (const packet of [
    rtp.subarray(0, 11),
    record.subarray(0, 12),
    binding.subarray(0, 19),
    Buffer.alloc(0),
  ]) {
    assert.equal(packetKind(packet), 'unknown');
  }
  const wrongCookie = Buffer.from(binding);
  wrongCookie[4] = 0;
  assert.equal(packetKind(wrongCookie), 'unknown');
  const tooLong = Buffer.from(binding);
  tooLong[3] = 4;
  assert.equal(packetKind(tooLong), 'unknown');
  assert.equal(packetKind(Buffer.alloc(40, 0x40)), 'unknown', 'TURN channel data is not for us');
});
