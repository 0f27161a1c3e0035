import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { ntpTime } from './ntp-time.ts';
import { parseRtcp, type ReportBlock, rtcpLength, writeRtcp } from './rtcp.ts';

const sender = { ntp: ntpTime(1_800_000_000_250.5), rtpTimestamp: 4294967295, packets: 12, octets: 3456 };

function block(ssrc: number): ReportBlock {
  return {
    ssrc,
    fractionLost: 255,
    cumulativeLost: -3,
    highestSequence: 0x00010002,
    jitter: 77,
    lastSenderReport: 0xdeadbeef,
    delaySinceLast: 65536,
  };
}

function written(...args: Parameters<typeof writeRtcp> extends [unknown, infer C] ? [C] : never): Buffer {
  const out = Buffer.alloc(rtcpLength(args[0].blocks.length), 0xee);
  return out.subarray(0, writeRtcp(out, args[0]));
}

test('a sender report with CNAME and BYE reads back as written', () => {
  for (const cname of ['a', 'ab', 'abc', 'abcd', 'gateway@example', 'ü'.repeat(100)]) {
    const packet = written({ ssrc: 7, sender, blocks: [block(1), block(2)], cname, goodbye: true });
    assert.equal(packet.length % 4, 0);
    assert.deepEqual(parseRtcp(packet), {
      ssrc: 7,
      senderReports: [{ ssrc: 7, sender }],
      blocks: [block(1), block(2)],
      cnames: [{ ssrc: 7, cname }],
      goodbyes: [7],
    });
  }
});

test('a receiver report without blocks is the smallest compound', () => {
  const packet = written({ ssrc: 9, blocks: [], cname: 'x' });
  assert.equal(packet.subarray(0, 8).toString('hex'), '80c9000100000009');
  assert.deepEqual(parseRtcp(packet)?.blocks, []);
});

test('no more than 31 blocks, the lost count limited to 24 bits, a long CNAME cut', () => {
  const blocks = Array.from({ length: 40 }, (_, n) => ({ ...block(n), cumulativeLost: 1e9 }));
  const parsed = parseRtcp(written({ ssrc: 1, blocks, cname: 'c'.repeat(400) }));
  assert.equal(parsed?.blocks.length, 31);
  assert.equal(parsed?.blocks[0]?.cumulativeLost, 0x7fffff);
  assert.equal(parsed?.cnames[0]?.cname.length, 255);
});

test('feedback and extended reports in the compound are stepped over', () => {
  const feedback = Buffer.from('8fcd00040000000100000002000000000000000a', 'hex');
  const packet = Buffer.concat([feedback, written({ ssrc: 9, blocks: [block(5)], cname: 'x' })]);
  assert.equal(parseRtcp(packet)?.blocks.length, 1);
});

test('wrong version, lengths beyond the end, cut blocks and items are refused', () => {
  const good = written({ ssrc: 7, sender, blocks: [block(1)], cname: 'abcdef', goodbye: true });
  for (let length = 0; length < good.length; length++) {
    const ends = [0, 52, 52 + 20, good.length];
    if (length > 0 && ends.includes(length)) continue;
    assert.equal(parseRtcp(good.subarray(0, length)), undefined, `cut at ${length}`);
  }
  for (const hex of [
    '40c9000100000009', // version 1
    '81c9000100000009', // a block that is not there
    '80c8000100000009', // no sender info
    '81ca0002000000090105ff00', // item longer than the packet
    '83cb000100000009', // three goodbyes in room for one
  ]) {
    assert.equal(parseRtcp(Buffer.from(hex, 'hex')), undefined, hex);
  }
});

test('random bytes never throw', () => {
  for (let round = 0; round < 20_000; round++) {
    const packet = randomBytes(8 + (round % 20) * 4);
    packet[0] = 0x80 | ((packet[0] as number) & 0x1f);
    packet[1] = 200 + (round % 4);
    packet.writeUInt16BE(packet.length / 4 - 1, 2);
    parseRtcp(packet);
  }
});
