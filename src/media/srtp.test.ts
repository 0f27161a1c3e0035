import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { SRTP_AUTH, SRTP_MALFORMED, SRTP_REPLAY, SRTP_TAIL_ROOM, SrtpContext } from './srtp.ts';
import { type AnySrtpProfile, srtpKeyLengths } from './srtp-key-derivation.ts';

const profiles: AnySrtpProfile[] = ['AES_CM_128_HMAC_SHA1_80', 'AES_CM_128_HMAC_SHA1_32', 'AEAD_AES_128_GCM'];

function pair(profile: AnySrtpProfile): { sender: SrtpContext; other: SrtpContext; receiver: SrtpContext } {
  const key = randomBytes(srtpKeyLengths[profile].key);
  const salt = randomBytes(srtpKeyLengths[profile].salt);
  const context = (): SrtpContext => new SrtpContext(profile, key, salt);
  return { sender: context(), other: context(), receiver: context() };
}

function rtp(sequence: number, ssrc = 0xcafebabe, payload = Buffer.from(`payload ${sequence}`)): Buffer {
  const header = Buffer.from('806f00000000000000000000', 'hex');
  header.writeUInt16BE(sequence & 0xffff, 2);
  header.writeUInt32BE(ssrc, 8);
  return Buffer.concat([header, payload]);
}

function sealed(sender: SrtpContext, plain: Buffer): Buffer {
  const packet = Buffer.concat([plain, Buffer.alloc(SRTP_TAIL_ROOM)]);
  const length = sender.protect(packet, plain.length);
  assert.ok(length > plain.length);
  return packet.subarray(0, length);
}

function opened(receiver: SrtpContext, packet: Buffer): Buffer | number {
  const copy = Buffer.from(packet);
  const length = receiver.unprotect(copy, copy.length);
  return length < 0 ? length : copy.subarray(0, length);
}

test('a packet protected as libsrtp does it', () => {
  const key = Buffer.from('e1f97a0d3e018be0d64fa32c06de4139', 'hex');
  const salt = Buffer.from('0ec675ad498afeebb6960b3aabe6', 'hex');
  const context = new SrtpContext('AES_CM_128_HMAC_SHA1_80', key, salt);
  const plain = Buffer.from(`800f1234decafbadcafebabe${'ab'.repeat(16)}`, 'hex');
  const expected = '800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb';
  assert.equal(sealed(context, plain).toString('hex'), expected);
  const receiver = new SrtpContext('AES_CM_128_HMAC_SHA1_80', key, salt);
  assert.deepEqual(opened(receiver, Buffer.from(expected, 'hex')), plain);
});

test('RTCP protected as libsrtp does it (its first index is 1, ours 0)', () => {
  const key = Buffer.from('e1f97a0d3e018be0d64fa32c06de4139', 'hex');
  const salt = Buffer.from('0ec675ad498afeebb6960b3aabe6', 'hex');
  const context = new SrtpContext('AES_CM_128_HMAC_SHA1_80', key, salt);
  const plain = Buffer.from(`81c8000bcafebabe${'ab'.repeat(16)}`, 'hex');
  const expected = '81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798';
  const packet = Buffer.alloc(60);
  context.protectRtcp(Buffer.concat([plain, Buffer.alloc(20)]), plain.length);
  plain.copy(packet);
  const length = context.protectRtcp(packet, plain.length);
  assert.equal(packet.toString('hex', 0, length), expected);
});

for (const profile of profiles) {
  test(`${profile}: a call goes on over four wraps of the sequence number, with packets lost`, () => {
    const { sender, receiver } = pair(profile);
    for (let index = 65000; index < 65000 + 4 * 65536; index += index % 65536 < 65400 ? 8111 : 1) {
      const plain = rtp(index);
      assert.deepEqual(opened(receiver, sealed(sender, plain)), plain, `index ${index}`);
    }
  });

  test(`${profile}: packets reordered around the wrap are read, each once`, () => {
    const { sender, receiver } = pair(profile);
    const packets = [65533, 65534, 65535, 65536, 65537, 65538].map((index) => sealed(sender, rtp(index)));
    for (const place of [0, 3, 1, 5, 2, 4]) {
      const packet = packets[place] as Buffer;
      assert.ok(Buffer.isBuffer(opened(receiver, packet)), `packet ${place}`);
      assert.equal(opened(receiver, packet), SRTP_REPLAY);
    }
  });

  test(`${profile}: every flipped bit is noticed, and leaves the context as it was`, () => {
    const { sender, receiver } = pair(profile);
    const packet = sealed(sender, rtp(65535));
    for (let bit = 16; bit < packet.length * 8; bit++) {
      const tampered = Buffer.from(packet);
      tampered[bit >> 3] = (tampered[bit >> 3] as number) ^ (1 << (bit & 7));
      assert.equal(opened(receiver, tampered), SRTP_AUTH, `bit ${bit}`);
    }
    assert.deepEqual(opened(receiver, packet), rtp(65535));
  });

  test(`${profile}: many sources keep their own counters`, () => {
    const { sender, receiver } = pair(profile);
    for (let round = 0; round < 3; round++) {
      for (let ssrc = 1; ssrc <= 60; ssrc++) {
        const plain = rtp(ssrc * 1000 + round, ssrc);
        assert.deepEqual(opened(receiver, sealed(sender, plain)), plain);
      }
    }
  });

  test(`${profile}: all payload lengths from nothing to a full datagram`, () => {
    const { sender, receiver } = pair(profile);
    for (let length = 0; length < 1400; length += length < 40 ? 1 : 97) {
      const plain = rtp(length, 7, randomBytes(length));
      assert.deepEqual(opened(receiver, sealed(sender, plain)), plain);
    }
  });

  test(`${profile}: RTCP is read once, and not when tampered with`, () => {
    const { sender, receiver } = pair(profile);
    const plain = Buffer.concat([Buffer.from('80c80006cafebabe', 'hex'), randomBytes(20)]);
    for (let round = 0; round < 300; round++) {
      const packet = Buffer.concat([plain, Buffer.alloc(SRTP_TAIL_ROOM)]);
      const length = sender.protectRtcp(packet, plain.length);
      const tampered = Buffer.from(packet);
      tampered[12] = (tampered[12] as number) ^ 1;
      assert.equal(receiver.unprotectRtcp(tampered, length), SRTP_AUTH);
      const replayed = Buffer.from(packet);
      assert.equal(receiver.unprotectRtcp(packet, length), plain.length);
      assert.deepEqual(packet.subarray(0, plain.length), plain);
      assert.equal(receiver.unprotectRtcp(replayed, length), SRTP_REPLAY);
    }
  });

  test(`${profile}: garbage is refused and never throws`, () => {
    const { receiver, sender } = pair(profile);
    for (let round = 0; round < 3000; round++) {
      const packet = randomBytes(round % 80);
      if (packet.length > 0) packet[0] = 0x80 | ((packet[0] as number) & 0x3f);
      assert.ok(receiver.unprotect(packet, packet.length) < 0);
      assert.ok(receiver.unprotectRtcp(packet, packet.length) < 0);
    }
    assert.equal(receiver.unprotect(Buffer.alloc(10), 50), SRTP_MALFORMED);
    const noRoom = rtp(1);
    assert.equal(sender.protect(noRoom, noRoom.length), SRTP_MALFORMED);
  });

  test(`${profile}: thousands of sources do not grow the context without bound, nor break one in use`, () => {
    const { sender, other, receiver } = pair(profile);
    const live: Buffer[] = [];
    for (const index of [65535, 65536]) live.push(sealed(sender, rtp(index, 1)));
    assert.ok(Buffer.isBuffer(opened(receiver, live[0] as Buffer)));
    assert.ok(Buffer.isBuffer(opened(receiver, live[1] as Buffer)));
    for (let ssrc = 2; ssrc < 2500; ssrc++) {
      assert.ok(Buffer.isBuffer(opened(receiver, sealed(other, rtp(9, ssrc)))));
      if (ssrc % 500 !== 0) continue;
      const plain = rtp(65536 + ssrc, 1);
      assert.deepEqual(
        opened(receiver, sealed(sender, plain)),
        plain,
        'the live source kept its rollover counter',
      );
    }
  });
}
