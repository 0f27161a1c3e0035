import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { bindingRequest, bindingSuccess, parseStun, serializeStun } from './stun.ts';
import { newTransactionId, StunKey } from './stun-key.ts';

/** RFC 5769 §2.1 to §2.3; password of all three. */
const password = 'VOkJxbRl1RmTxUk/WvJxBt';
const request = Buffer.from(
  '000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff80290008932ff9b151263b36' +
    '00060009' +
    '6576746a3a683676592020200008001' +
    '49aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf',
  'hex',
);
const responseV4 = Buffer.from(
  '0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643000800142b91f599fd9e90c3' +
    '8c7489f92af9ba53f06be7d780280004c07d4c96',
  'hex',
);
const responseV6 = Buffer.from(
  '010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9' +
    '00080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c',
  'hex',
);

test('RFC 5769 §2.1: the sample request is read and its signature is right', () => {
  const message = parseStun(request);
  assert.ok(message);
  assert.equal(message.type, bindingRequest);
  assert.equal(message.username, 'evtj:h6vY');
  assert.equal(message.priority, 0x6e0001ff);
  assert.equal(message.role, 'controlled');
  assert.equal(message.tieBreaker, 0x932ff9b151263b36n);
  assert.equal(message.hasFingerprint, true);
  assert.equal(message.isSignedWith(new StunKey(password)), true);
  assert.equal(message.isSignedWith(new StunKey(`${password}x`)), false);
});

test('RFC 5769 §2.2 and §2.3: mapped addresses of both families', () => {
  const [v4, v6] = [parseStun(responseV4), parseStun(responseV6)];
  assert.deepEqual(v4?.mappedAddress, { address: '192.0.2.1', port: 32853 });
  assert.deepEqual(v6?.mappedAddress, { address: '2001:db8:1234:5678:11:2233:4455:6677', port: 32853 });
  assert.ok(v4?.isSignedWith(new StunKey(password)) && v6?.isSignedWith(new StunKey(password)));
});

test('what we write is what we read', () => {
  for (const address of ['192.0.2.7', '2001:db8::1', '::ffff:10.1.2.3', 'fd00::2']) {
    const bytes = serializeStun(
      {
        type: bindingSuccess,
        transactionId: '0102030405060708090a0b0c',
        username: 'a:bcd',
        priority: 1_862_270_975,
        role: 'controlling',
        tieBreaker: 7n,
        useCandidate: true,
        mappedAddress: { address, port: 40_001 },
        errorCode: 487,
      },
      new StunKey('secret'),
    );
    const message = parseStun(bytes);
    assert.ok(message);
    assert.ok(message.isSignedWith(new StunKey('secret')));
    assert.equal(message.username, 'a:bcd');
    assert.equal(message.role, 'controlling');
    assert.equal(message.tieBreaker, 7n);
    assert.equal(message.useCandidate, true);
    assert.equal(message.errorCode, 487);
    assert.equal(message.mappedAddress?.port, 40_001);
    assert.equal(message.mappedAddress?.address, address);
  }
});

test('a changed byte anywhere makes the message worthless', () => {
  for (let at = 0; at < request.length; at += 1) {
    const changed = Buffer.from(request);
    changed[at] = (changed[at] ?? 0) ^ 0x10;
    const message = parseStun(changed);
    assert.ok(message === undefined || !message.hasFingerprint, `byte ${at}`);
  }
});

test('attributes behind MESSAGE-INTEGRITY are not believed', () => {
  const signed = serializeStun(
    { type: bindingRequest, transactionId: '00'.repeat(12), username: 'a:b' },
    new StunKey('k'),
  ).subarray(0, -8);
  const forged = Buffer.concat([signed, Buffer.from('00250000', 'hex')]);
  forged.writeUInt16BE(forged.length - 20, 2);
  const message = parseStun(forged);
  assert.ok(message);
  assert.ok(message.isSignedWith(new StunKey('k')));
  assert.equal(message.useCandidate, false);
});

test('truncated and random datagrams are refused without an exception', () => {
  for (let length = 0; length < request.length; length += 1) {
    assert.equal(parseStun(request.subarray(0, length)), undefined);
  }
  const noise = Buffer.alloc(64, 0xff);
  noise.writeUInt32BE(0x00010000 | 44, 0);
  noise.writeUInt32BE(0x2112a442, 4);
  assert.equal(parseStun(noise), undefined);
});

test('a password that is longer than a block of SHA-1 signs as node:crypto does', () => {
  const message = parseStun(request);
  for (const length of [22, 64, 65, 256]) {
    const key = 'p'.repeat(length);
    const covered = Buffer.from(request.subarray(0, request.length - 32));
    assert.deepEqual(new StunKey(key).sign(covered), createHmac('sha1', key).update(covered).digest());
    assert.equal(message?.isSignedWith(new StunKey(key)), false);
  }
});

test('no two transactions have the same number', () => {
  const ids = Array.from({ length: 1000 }, newTransactionId);
  assert.equal(new Set(ids).size, ids.length);
  assert.ok(ids.every((id) => /^[0-9a-f]{24}$/.test(id)));
});
