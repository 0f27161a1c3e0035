import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { nodeCiphers, usePacketCiphers } from './packet-ciphers.ts';
import { newRtpHeader, parseRtp, writeRtp } from './rtp.ts';
import { SRTP_TAIL_ROOM, SrtpContext } from './srtp.ts';
import { srtpKeyLengths } from './srtp-key-derivation.ts';
import { loadLibcrypto } from './worker/libcrypto.ts';

const rounds = 30;
const packetsInRound = 400;
const libcrypto = await loadLibcrypto();
/** node:crypto makes a buffer for what it enciphers; it is there for systems where OpenSSL cannot be called. */
const bytesAllowed = libcrypto === undefined ? 1000 : 0;

for (const profile of ['AES_CM_128_HMAC_SHA1_80', 'AEAD_AES_128_GCM'] as const) {
  test(`${profile}: a packet is written, protected, opened and read in place: no buffer is made for it`, (context) => {
    usePacketCiphers(libcrypto ?? nodeCiphers);
    context.after(() => usePacketCiphers(nodeCiphers));
    const lengths = srtpKeyLengths[profile];
    const [key, salt] = [randomBytes(lengths.key), randomBytes(lengths.salt)];
    const [sender, receiver] = [new SrtpContext(profile, key, salt), new SrtpContext(profile, key, salt)];
    const packet = Buffer.alloc(180 + SRTP_TAIL_ROOM);
    const fields = { ...newRtpHeader(), ssrc: 7, audioLevel: -1 };
    const header = newRtpHeader();
    let opened = 0;
    const send = (): void => {
      fields.sequence = (fields.sequence + 1) & 0xffff;
      const length = receiver.unprotect(packet, sender.protect(packet, writeRtp(packet, fields, 0) + 160));
      if (parseRtp(packet, header, 0, length)) opened += 1;
    };
    const costs = Array.from({ length: rounds }, () => {
      const before = process.memoryUsage().arrayBuffers;
      for (let count = 0; count < packetsInRound; count += 1) send();
      return (process.memoryUsage().arrayBuffers - before) / packetsInRound;
    });
    assert.equal(opened, rounds * packetsInRound);
    // A collection of garbage makes a round look cheaper than it is: the middle is that of rounds without.
    const middle = costs.toSorted((one, other) => one - other)[rounds / 2] ?? Number.NaN;
    assert.ok(middle <= bytesAllowed, `${middle} bytes for a packet`);
  });
}
