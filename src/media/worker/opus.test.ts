import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { opusPacketTicks } from '../opus-packet.ts';
import { loadOpus, OpusDecoder, OpusEncoder, type OpusRate } from './opus.ts';

const rates: OpusRate[] = [8000, 16000, 48000];

/** A voice-like buzz: harmonics of 150 Hz with a slow swell. */
function voice(rate: number, frame: number): Int16Array {
  const count = rate / 50;
  return Int16Array.from({ length: count }, (_, n) => {
    const t = (frame * count + n) / rate;
    let sum = 0;
    for (let harmonic = 1; harmonic <= 12; harmonic++)
      sum += Math.sin(2 * Math.PI * 150 * harmonic * t) / harmonic;
    return Math.round(6000 * sum * (0.6 + 0.4 * Math.sin(2 * Math.PI * 3 * t)));
  });
}

function rms(pcm: Int16Array): number {
  return Math.sqrt(pcm.reduce((sum, sample) => sum + sample * sample, 0) / pcm.length);
}

async function pair(rate: OpusRate, expectedLoss = 5) {
  const encoder = new OpusEncoder({ rate, expectedLoss });
  const decoder = new OpusDecoder(rate);
  await Promise.all([encoder.ready, decoder.ready]);
  return { encoder, decoder };
}

test('the library that we bring is libopus 1.6 or newer', async () => {
  assert.match(await loadOpus('bundled'), /libopus 1\.([6-9]|\d\d).* \(bundled\)/);
});

test('where the system has a libopus, that one is used', async () => {
  assert.match(await loadOpus(), /libopus .*\(system\)/);
});

for (const library of ['bundled', 'system'] as const) {
  describe(`${library} libopus`, () => {
    before(async () => {
      await loadOpus(library);
    });

    for (const rate of rates) {
      test(`at ${rate} Hz what is encoded is heard again`, async () => {
        const { encoder, decoder } = await pair(rate);
        const packet = Buffer.alloc(1500);
        const heard = new Int16Array(rate / 50);
        for (let frame = 0; frame < 50; frame++) {
          const pcm = voice(rate, frame);
          const length = encoder.encode(pcm, packet);
          assert.ok(length > 10 && length < 300);
          assert.equal(opusPacketTicks(packet.subarray(0, length)), 960);
          assert.equal(decoder.decode(packet.subarray(0, length), heard), rate / 50);
          if (frame > 5) assert.ok(Math.abs(20 * Math.log10(rms(heard) / rms(pcm))) < 4, `frame ${frame}`);
        }
        encoder.close();
        decoder.close();
      });
    }

    test('a lost packet is repaired from the next one, better than by concealment', async () => {
      const rate = 16000;
      const { encoder } = await pair(rate, 20);
      const repaired = new OpusDecoder(rate);
      const concealed = new OpusDecoder(rate);
      const whole = new OpusDecoder(rate);
      await Promise.all([repaired.ready, concealed.ready, whole.ready]);
      const packets = Array.from({ length: 100 }, (_, frame) => {
        const out = Buffer.alloc(1500);
        return out.subarray(0, encoder.encode(voice(rate, frame), out));
      });
      const error = { repaired: 0, concealed: 0 };
      const frames = {
        whole: new Int16Array(320),
        repaired: new Int16Array(320),
        concealed: new Int16Array(320),
      };
      for (const [n, packet] of packets.entries()) {
        const next = packets[n + 1];
        const lost = n % 7 === 6 && next !== undefined;
        whole.decode(packet, frames.whole);
        assert.equal(
          lost ? repaired.recover(next, 320, frames.repaired) : repaired.decode(packet, frames.repaired),
          320,
        );
        assert.equal(
          lost ? concealed.conceal(320, frames.concealed) : concealed.decode(packet, frames.concealed),
          320,
        );
        for (let at = 0; at < 320; at++) {
          error.repaired += ((frames.whole[at] as number) - (frames.repaired[at] as number)) ** 2;
          error.concealed += ((frames.whole[at] as number) - (frames.concealed[at] as number)) ** 2;
        }
      }
      assert.ok(error.repaired * 2 < error.concealed, `${error.repaired} against ${error.concealed}`);
    });

    test('a packet encoded at 48 kHz decodes at 8 kHz: nothing need be resampled', async () => {
      const encoder = new OpusEncoder({ rate: 48000 });
      const decoder = new OpusDecoder(8000);
      await Promise.all([encoder.ready, decoder.ready]);
      const packet = Buffer.alloc(1500);
      const out = new Int16Array(160);
      for (let frame = 0; frame < 20; frame++) {
        const length = encoder.encode(voice(48000, frame), packet);
        assert.equal(decoder.decode(packet.subarray(0, length), out), 160);
      }
      assert.ok(rms(out) > 1000);
    });

    test('silence with discontinuous transmission is one or two bytes', async () => {
      const encoder = new OpusEncoder({ rate: 8000, discontinuous: true });
      await encoder.ready;
      const packet = Buffer.alloc(1500);
      const lengths = Array.from({ length: 100 }, () => encoder.encode(new Int16Array(160), packet));
      assert.ok(lengths.filter((length) => length > 0 && length <= 2).length > 70, lengths.join());
    });

    test('packets of 120 ms fit, and what does not fit is refused, not written elsewhere', async () => {
      const { encoder, decoder } = await pair(8000);
      const packet = Buffer.alloc(1500);
      const length = encoder.encode(new Int16Array(480), packet, 100);
      const frame = packet.subarray(100, 100 + length);
      assert.equal(opusPacketTicks(frame), 2880);
      assert.equal(decoder.decode(frame, new Int16Array(960), 10), 480);
      assert.equal(decoder.decode(frame, new Int16Array(400)), 0);
      assert.equal(decoder.decode(frame, new Int16Array(480), 1), 0);
    });

    test('random packets give no exception, and the decoder still works afterwards', async () => {
      const { encoder, decoder } = await pair(48000);
      const out = new Int16Array(5760);
      for (let n = 0; n < 3000; n++) {
        const packet = Buffer.from(Array.from({ length: n % 50 }, () => Math.floor(Math.random() * 256)));
        const samples = decoder.decode(packet, out);
        assert.ok(samples >= 0 && samples <= 5760);
        assert.ok(decoder.recover(packet, 960, out) >= 0);
      }
      const packet = Buffer.alloc(1500);
      const length = encoder.encode(voice(48000, 0), packet);
      assert.equal(decoder.decode(packet.subarray(0, length), out), 960);
    });

    test('before it is ready and after it is closed nothing is made and nothing breaks', async () => {
      const encoder = new OpusEncoder({ rate: 8000 });
      const decoder = new OpusDecoder(8000);
      const out = new Int16Array(160);
      assert.equal(encoder.encode(out, Buffer.alloc(100)), 0);
      assert.equal(decoder.conceal(160, out), 0);
      encoder.setExpectedLoss(300);
      encoder.close();
      await Promise.all([encoder.ready, decoder.ready]);
      decoder.close();
      decoder.close();
      assert.equal(encoder.encode(out, Buffer.alloc(100)), 0);
      assert.equal(decoder.conceal(160, out), 0);
    });
  });
}
