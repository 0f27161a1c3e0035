import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Codec } from '../config/config.ts';
import { codecClockRates, codecRates, createAudioDecoder, createAudioEncoder } from './audio-codec.ts';
import { loadOpus } from './worker/opus.ts';

const codecs: Codec[] = ['PCMU', 'PCMA', 'G722', 'opus'];

function tone(rate: number, frame: number): Int16Array {
  const count = rate / 50;
  return Int16Array.from({ length: count }, (_, n) =>
    Math.round(8000 * Math.sin((2 * Math.PI * 400 * (frame * count + n)) / rate)),
  );
}

function rms(pcm: Int16Array): number {
  return Math.sqrt(pcm.reduce((sum, sample) => sum + sample * sample, 0) / pcm.length);
}

for (const codec of codecs) {
  test(`${codec}: 20 ms in, the right number of ticks and bytes on the wire, 20 ms out at the same level`, async () => {
    await loadOpus();
    const encoder = createAudioEncoder(codec);
    const decoder = createAudioDecoder(codec);
    await new Promise(setImmediate);
    assert.equal(encoder.rate, codecRates[codec]);
    assert.equal(decoder.rate, codecRates[codec]);
    assert.equal(decoder.clockRate, codecClockRates[codec]);
    const samples = encoder.rate / 50;
    const packet = Buffer.alloc(1500);
    const heard = new Int16Array(samples);
    for (let frame = 0; frame < 20; frame++) {
      const length = encoder.encode(tone(encoder.rate, frame), packet, 12);
      const payload = packet.subarray(12, 12 + length);
      if (codec !== 'opus') assert.equal(length, 160);
      assert.equal(decoder.ticks(payload), decoder.clockRate / 50);
      assert.equal(decoder.decode(payload, heard), samples);
    }
    assert.ok(Math.abs(20 * Math.log10(rms(heard) / (8000 / Math.SQRT2))) < 2, `${rms(heard)}`);
    assert.equal(decoder.conceal(samples, heard), samples);
    assert.ok(rms(heard) > 2000, 'a lost packet does not leave a hole');
    assert.equal(decoder.recover(packet.subarray(12, 14), samples, heard), 0, 'that holds no copy');
    encoder.close();
    decoder.close();
  });

  test(`${codec}: payloads that are empty, too long or do not fit give nothing`, async () => {
    const decoder = createAudioDecoder(codec);
    await loadOpus();
    assert.equal(decoder.ticks(Buffer.alloc(0)), 0);
    assert.equal(decoder.decode(Buffer.alloc(0), new Int16Array(100)), 0);
    assert.equal(decoder.decode(Buffer.alloc(1400, 0x1b), new Int16Array(5760)), 0, 'more than 120 ms');
    assert.equal(decoder.decode(Buffer.alloc(160), new Int16Array(100)), 0);
    decoder.close();
  });
}

test('the timestamps of G.722 count 8000 a second although it has 16 000 samples', () => {
  assert.equal(codecRates.G722, 16000);
  assert.equal(codecClockRates.G722, 8000);
});
