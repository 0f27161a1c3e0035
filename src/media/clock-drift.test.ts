import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAudioDecoder } from './audio-codec.ts';
import { Playout } from './playout.ts';
import { newRtpHeader } from './rtp.ts';

const hourMs = 3_600_000;

/** An hour of G.711 from a sender whose clock is off, over a network with up to `jitterMs` of jitter, through the playout. */
function anHour(ppm: number, jitterMs: number) {
  const playout = new Playout(createAudioDecoder('PCMU'));
  const payload = Buffer.alloc(160, 0x20);
  const frame = new Int16Array(playout.frameLength);
  const packetMs = 20 / (1 + ppm / 1e6);
  let seed = 42;
  const random = (): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
  const header = { ...newRtpHeader(), payloadEnd: 160, ssrc: 1 };
  const result = { silentFrames: 0, deepestMs: 0, heardMs: 0 };
  let sent = 0;
  let arrival = random() * jitterMs;
  for (let now = 5; now < hourMs; now += 20) {
    while (arrival <= now) {
      header.sequence = sent & 0xffff;
      header.timestamp = (sent * 160) >>> 0;
      playout.push(header, payload, arrival);
      sent += 1;
      // The network keeps the order: a packet that is late delays those behind it.
      arrival = Math.max(arrival, sent * packetMs + random() * jitterMs);
    }
    const isHeard = playout.read(now, frame);
    if (now < 5000) continue;
    if (!isHeard) result.silentFrames += 1;
    result.deepestMs = Math.max(result.deepestMs, playout.bufferMs);
  }
  return { ...result, concealed: playout.framesConcealed, counters: playout.buffer.counters };
}

for (const ppm of [-200, 200]) {
  for (const jitterMs of [0, 15]) {
    test(`an hour with a clock off by ${ppm} ppm and ${jitterMs} ms of jitter: no gap, no growth`, () => {
      const { silentFrames, deepestMs, concealed, counters } = anHour(ppm, jitterMs);
      assert.equal(silentFrames, 0);
      assert.ok(deepestMs < 80 + jitterMs, `${deepestMs} ms were waiting`);
      // 720 ms are missing or too many in an hour: a slow sender's frames are stretched 36 times.
      assert.ok(concealed <= 100, `${concealed} frames were made up`);
      assert.deepEqual(
        [counters.restarts, counters.cut, counters.malformed, counters.duplicate],
        [0, 0, 0, 0],
        'nothing was thrown away',
      );
      assert.ok(counters.late <= 40, `${counters.late} packets were late`);
    });
  }
}
