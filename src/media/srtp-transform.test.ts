import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SrtpAeadGcm } from './srtp-aead-gcm.ts';
import { SrtpAesCm } from './srtp-aes-cm.ts';
import { deriveSessionKeys } from './srtp-key-derivation.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');
const withRoom = (text: string): Buffer => Buffer.concat([hex(text), Buffer.alloc(20)]);

test('session keys are those of RFC 3711 B.3', () => {
  const master = hex('E1F97A0D3E018BE0D64FA32C06DE4139');
  const { rtp, rtcp } = deriveSessionKeys(master, hex('0EC675AD498AFEEBB6960B3AABE6'));
  assert.deepEqual(rtp.encryption, hex('C61E7A93744F39EE10734AFE3FF7A087'));
  assert.deepEqual(rtp.salt, hex('30CBBC08863D8C85D49DB34A9AE1'));
  assert.deepEqual(rtp.authentication, hex('CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4'));
  assert.notDeepEqual(rtcp.encryption, rtp.encryption);
});

test('the keystream is that of RFC 3711 B.2', () => {
  const cm = new SrtpAesCm({
    encryption: hex('2B7E151628AED2A6ABF7158809CF4F3C'),
    salt: hex('F0F1F2F3F4F5F6F7F8F9FAFBFCFD'),
    authentication: Buffer.alloc(20),
  });
  const packet = Buffer.alloc(12 + 48 + 10);
  packet[0] = 0x80;
  cm.protectRtp(packet, 12, 60, 0, 0);
  assert.deepEqual(
    packet.subarray(12, 60),
    hex('E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0'),
  );
});

const gcm = new SrtpAeadGcm({
  encryption: hex('000102030405060708090a0b0c0d0e0f'),
  salt: hex('517569642070726f2071756f'),
  authentication: Buffer.alloc(0),
});

test('SRTP with AES-128-GCM is that of RFC 7714 §16.1', () => {
  const plain = `8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465
    73207472 6573`;
  const cipher = `8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b
    36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce`;
  const packet = withRoom(plain);
  const length = gcm.protectRtp(packet, 12, packet.length - 20, 0x5501a0b2, 0xf17b);
  assert.deepEqual(packet.subarray(0, length), hex(cipher));
  assert.equal(gcm.unprotectRtp(packet, 12, length, 0x5501a0b2, 0xf17b), hex(plain).length);
  assert.deepEqual(packet.subarray(0, hex(plain).length), hex(plain));
});

test('SRTCP with AES-128-GCM is that of RFC 7714 §17.1, and §17.3 without encryption', () => {
  const plain = `81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef deadbeef
    deadbeef deadbeef`;
  const cipher = `81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda 4ce09b46
    86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4`;
  const tagged = `${plain} 841dd968 3dd78ec9 2ae58790 125f62b3 000005d4`;
  const packet = withRoom(plain);
  const length = gcm.protectRtcp(packet, packet.length - 20, 0x4d617273, 0x5d4);
  assert.deepEqual(packet.subarray(0, length), hex(cipher));
  for (const text of [cipher, tagged]) {
    const received = hex(text);
    const end = gcm.unprotectRtcp(received, received.length, 0x4d617273);
    assert.deepEqual(received.subarray(0, end), hex(plain));
  }
});
