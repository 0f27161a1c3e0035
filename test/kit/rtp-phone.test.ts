import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { dominant, gaps, locate } from './analysis.ts';
import { alawDecode, alawEncode, ulawDecode, ulawEncode } from './g711.ts';
import { RtpPhone } from './rtp-phone.ts';
import { chirp, tone } from './tone.ts';

for (const [format, encode, decode] of [
  ['mulaw', ulawEncode, ulawDecode],
  ['alaw', alawEncode, alawDecode],
] as const) {
  test(`the kit's ${format} decodes as ffmpeg's, and encodes as closely but for the last bit`, () => {
    const every = new Int16Array(65536).map((_, i) => i - 32768);
    const run = (from: string, to: string, input: Uint8Array) =>
      spawnSync(
        'ffmpeg',
        ['-v', 'error', '-f', from, '-ar', '8000', '-ac', '1', '-i', 'pipe:0', '-f', to, 'pipe:1'],
        { input },
      ).stdout;
    const codes = run('s16le', format, new Uint8Array(every.buffer));
    const worse = every.filter((sample, i) => {
      const theirs = Math.abs(decode(codes[i] ?? 0) - sample);
      return Math.abs(decode(encode(sample)) - sample) > theirs + (Math.abs(sample) >> 4);
    });
    assert.deepEqual([...worse], []);
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    const decoded = run(format, 's16le', all);
    assert.deepEqual(
      Array.from(all, decode),
      Array.from({ length: 256 }, (_, i) => decoded.readInt16LE(i * 2)),
    );
  });
}
test('a phone hears another with the right tone, without gaps, and a mark with the time it took', async (t) => {
  const [one, two] = [await RtpPhone.open('PCMA'), await RtpPhone.open()];
  t.after(() => {
    one.close();
    two.close();
  });
  one.remote = { address: '127.0.0.1', port: two.port };
  one.say(tone(440, 8000, 1));
  await two.recording.more(100);
  assert.equal(Math.round(dominant(two.recording.heard())[0]?.hz ?? 0), 440);
  assert.deepEqual(gaps(two.recording.heard(), 440), []);
  const left = await one.mark(chirp(8000));
  await two.recording.more(30);
  const place = locate(two.recording.heard(), chirp(8000));
  const delay = two.recording.timeOf(place?.at ?? 0) - left;
  assert.ok(Math.abs(delay) < 15, `${delay} ms`);
  assert.equal(two.recording.loss().lost, 0);
});

test('lost packets are counted and heard as gaps', async (t) => {
  const [one, two] = [await RtpPhone.open(), await RtpPhone.open()];
  t.after(() => {
    one.close();
    two.close();
  });
  one.remote = { address: '127.0.0.1', port: two.port };
  one.say(tone(440, 8000, 1));
  await two.recording.more(100);
  // As they would arrive on a machine that does nothing else.
  const punctual = two.recording.packets.map((packet, i) => ({ ...packet, at: 20 * i }));
  two.recording.packets.splice(0, punctual.length, ...punctual);
  two.recording.packets.splice(50, 3);
  assert.equal(two.recording.loss().lost, 3);
  const [gap, ...more] = gaps(two.recording.heard(), 440);
  assert.deepEqual(more, []);
  assert.ok(Math.abs((gap?.to ?? 0) - (gap?.from ?? 0) - 0.06) < 0.011);
  assert.equal(two.recording.arrivalGaps(45).length, 1);
});
