import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { SrtpContext } from '../srtp.ts';
import { phonePacket, phoneStage, readPacket, speech } from './call.fixture.ts';

const newKey = (): string => randomBytes(30).toString('base64');

function contextOf(profile: 'AES_CM_128_HMAC_SHA1_80' | 'AES_CM_128_HMAC_SHA1_32', key: string): SrtpContext {
  const bytes = Buffer.from(key, 'base64');
  return new SrtpContext(profile, bytes.subarray(0, 16), bytes.subarray(16));
}

function sealed(context: SrtpContext, packet: Buffer): Buffer {
  const buffer = Buffer.concat([packet, Buffer.alloc(20)]);
  return buffer.subarray(0, context.protect(buffer, packet.length));
}

test('audio goes both ways under the keys of SDP; what has not the right key is dropped', async (t) => {
  for (const [profile, tag] of [
    ['AES_CM_128_HMAC_SHA1_80', 10],
    ['AES_CM_128_HMAC_SHA1_32', 4],
  ] as const) {
    const stage = await phoneStage(t);
    const [sendKey, receiveKey] = [newKey(), newKey()];
    stage.connect({ srtp: { profile, sendKey, receiveKey } });
    const heard = await stage.hear(3);
    const opener = contextOf(profile, sendKey);
    for (const { datagram } of heard) {
      assert.equal(datagram.length, 12 + 160 + tag);
      const length = opener.unprotect(datagram, datagram.length);
      assert.equal(length, 172);
      assert.deepEqual(new Set(readPacket(datagram.subarray(0, length)).payload), new Set([0xff]), 'silence');
    }
    const sealer = contextOf(profile, receiveKey);
    const [first, second, third] = speech(0, 3, 0).map((packet) => sealed(sealer, packet));
    assert.ok(first && second && third);
    const forged = sealed(contextOf(profile, newKey()), phonePacket({ sequence: 3 }, Buffer.alloc(160)));
    const plain = phonePacket({ sequence: 4 }, Buffer.alloc(160));
    await stage.send(first, second, Buffer.from(first), forged, plain, third);
    const { packetsReceived, dropped } = stage.call.statistics().phone;
    assert.equal(packetsReceived, 3);
    assert.deepEqual(dropped, { replay: 1, auth: 2 });
  }
});

test('a new agreement with the same keys goes on; with new ones it begins anew', async (t) => {
  const stage = await phoneStage(t);
  const profile = 'AES_CM_128_HMAC_SHA1_80';
  const [sendKey, receiveKey] = [newKey(), newKey()];
  stage.connect({ srtp: { profile, sendKey, receiveKey } });
  const sealer = contextOf(profile, receiveKey);
  const [first, second, third] = speech(0, 3, 0).map((packet) => sealed(sealer, packet));
  assert.ok(first && second && third);
  await stage.send(Buffer.from(first), second);
  stage.connect({ srtp: { profile, sendKey, receiveKey }, ptimeMs: 40 });
  await stage.send(first, third);
  assert.deepEqual(stage.call.statistics().phone.dropped, { replay: 1 });
  const another = newKey();
  stage.connect({ srtp: { profile, sendKey, receiveKey: another } });
  await stage.send(sealed(contextOf(profile, another), phonePacket({ sequence: 3 }, Buffer.alloc(160))));
  assert.equal(stage.call.statistics().phone.packetsReceived, 4);
});

test('reports are protected too', async (t) => {
  const stage = await phoneStage(t);
  const srtp = { profile: 'AES_CM_128_HMAC_SHA1_32', sendKey: newKey(), receiveKey: newKey() } as const;
  const port = stage.phone.address().port;
  stage.connect({ srtp, remote: { address: '127.0.0.1', port, rtcpPort: port } });
  const packets = await stage.hear(140, 141);
  const report = packets.find(({ datagram }) => (datagram[1] ?? 0) >= 200)?.datagram;
  assert.ok(report);
  assert.ok(contextOf(srtp.profile, srtp.sendKey).unprotectRtcp(report, report.length) > 0);
});
