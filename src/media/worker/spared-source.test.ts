import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { newRtpHeader, writeRtp } from '../rtp.ts';
import { SRTP_TAIL_ROOM, SrtpContext } from '../srtp.ts';
import { SparedSource } from './spared-source.ts';

test('a leg that let others receive for an hour can take over, and few of its packets were decrypted', () => {
  const [key, salt] = [randomBytes(16), randomBytes(14)];
  const [bridge, leg] = [0, 1].map(() => new SrtpContext('AES_CM_128_HMAC_SHA1_80', key, salt));
  assert.ok(bridge && leg);
  const source = new SparedSource();
  const packet = Buffer.alloc(16 + SRTP_TAIL_ROOM);
  const packetsInAnHour = 180_000;
  let decrypted = 0;
  for (let index = 0; index <= packetsInAnHour; index += 1) {
    writeRtp(packet, { ...newRtpHeader(), sequence: (index + 60_000) & 0xffff, timestamp: index, ssrc: 7 });
    const length: number = bridge.protect(packet, 16);
    if (!source.decrypts(index < packetsInAnHour)) continue;
    decrypted += 1;
    assert.equal(leg.unprotect(packet, length), 16, `packet ${index}`);
  }
  assert.ok(decrypted < packetsInAnHour / 50, `${decrypted}`);
});
