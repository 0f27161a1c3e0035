import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAudioDecoder } from '../audio-codec.ts';
import { newRtpHeader, parseRtp, type RtpHeader } from '../rtp.ts';
import { BridgeSender } from './bridge-sender.ts';
import { loadOpus } from './opus.ts';

const levelId = 1;

/** Sends the frames; answers the header of what was sent in each tick, or undefined. */
function send(sender: BridgeSender, frames: readonly (Int16Array | undefined)[]): (RtpHeader | undefined)[] {
  return frames.map((frame) => {
    let sent: RtpHeader | undefined;
    sender.send(frame, (packet, length) => {
      sent = newRtpHeader();
      assert.ok(parseRtp(packet, sent, levelId, length));
    });
    return sent;
  });
}

async function open(): Promise<BridgeSender> {
  await loadOpus();
  const sender = new BridgeSender(111, levelId);
  sender.setRate(8000);
  await new Promise((resolve) => setImmediate(resolve));
  return sender;
}

const loud = Int16Array.from({ length: 160 }, (_, index) => Math.round(8000 * Math.sin(index / 3)));
const faint = new Int16Array(160).fill(1);

test('voice carries its level; 127, which the bridge drops, marks true silence only', async () => {
  const sender = await open();
  const [voice, almost] = send(sender, [loud, faint]);
  assert.ok(voice && voice.audioLevel > 5 && voice.audioLevel < 25, `${voice?.audioLevel}`);
  assert.ok(almost && almost.audioLevel < 127);
  sender.close();
});

test('silence is forwarded at first, so that listeners do not hear the last sound go on, then dropped by the bridge', async () => {
  const sender = await open();
  const sent = send(sender, [loud, ...Array<undefined>(30).fill(undefined)]);
  assert.deepEqual(
    sent.slice(1, 11).map((header) => header?.audioLevel),
    [126, 126, 126, 127, 127, 127, 127, 127, 127, 127],
  );
  const later = sent.slice(11).filter((header) => header !== undefined);
  assert.equal(later.length, 2, 'then the stream is kept alive cheaply');
  sender.close();
});

test('what the encoder holds back of the last word is heard before the pause, and not before the next word', async () => {
  const sender = await open();
  const decoder = createAudioDecoder('opus', 8000);
  await new Promise((resolve) => setImmediate(resolve));
  const peaks: number[] = [];
  const speak = (frame: Int16Array | undefined) => {
    const out = new Int16Array(160);
    let isSent = false;
    sender.send(frame, (packet, length) => {
      const header = newRtpHeader();
      assert.ok(parseRtp(packet, header, levelId, length));
      isSent = true;
      decoder.decode(packet.subarray(header.payloadStart, header.payloadEnd), out);
    });
    if (!isSent) decoder.conceal(160, out);
    peaks.push(out.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0));
  };
  for (let tick = 0; tick < 20; tick += 1) speak(loud);
  for (let tick = 0; tick < 30; tick += 1) speak(undefined);
  for (let tick = 0; tick < 3; tick += 1) speak(faint);
  assert.ok((peaks[20] ?? 0) > 4000, `the end of the word: ${peaks[20]}`);
  assert.ok(Math.max(...peaks.slice(22)) < 500, `nothing of it later: ${peaks.slice(22)}`);
  sender.close();
  decoder.close();
});

test('sequence numbers have no holes, and time goes on through silence', async () => {
  const sender = await open();
  const sent = send(sender, [loud, loud, ...Array<undefined>(15).fill(undefined), loud]);
  const headers = sent.filter((header) => header !== undefined);
  headers.forEach((header, index) => {
    const before = headers[index - 1];
    if (before) assert.equal((header.sequence - before.sequence) & 0xffff, 1);
  });
  const [first, last] = [headers[0], headers.at(-1)];
  assert.ok(first && last);
  assert.equal((last.timestamp - first.timestamp) >>> 0, 17 * 960);
  assert.equal(last.marker, true, 'a talk spurt begins');
  sender.close();
});

test('a phone that only breathes is encoded once in 400 ms, and its listeners are told that a pause begins', async () => {
  const sender = await open();
  const decoder = createAudioDecoder('opus', 8000);
  await new Promise((resolve) => setImmediate(resolve));
  let noise = 1;
  const breath = () =>
    Int16Array.from({ length: 160 }, () => {
      noise = (noise * 1103515245 + 12345) % 2147483648;
      return (noise % 24) - 12;
    });
  const lengths: number[] = [];
  const levels: number[] = [];
  const heard: number[] = [];
  const out = new Int16Array(160);
  for (let tick = 0; tick < 200; tick += 1) {
    let length = -1;
    sender.send(tick < 20 || tick >= 180 ? loud : breath(), (packet, end) => {
      const header = newRtpHeader();
      assert.ok(parseRtp(packet, header, levelId, end));
      levels.push(header.audioLevel);
      length = header.payloadEnd - header.payloadStart;
      const samples = decoder.decode(packet.subarray(header.payloadStart, header.payloadEnd), out);
      assert.equal(samples, 160, 'every packet is 20 ms of Opus');
    });
    if (length < 0) decoder.conceal(160, out);
    lengths.push(length);
    heard.push(Math.sqrt(out.reduce((sum, sample) => sum + sample * sample, 0) / 160));
  }
  const pause = lengths.slice(60, 180);
  assert.ok(pause.filter((length) => length > 1).length <= 7, 'samples of the background');
  assert.ok(pause.filter((length) => length === 1).length <= 7, 'beginnings');
  assert.ok(
    levels.every((level) => level < 127),
    'none is dropped by the bridge',
  );
  assert.ok(Math.max(...heard.slice(70, 180)) < 60, 'no last sound goes on');
  assert.ok((heard[182] ?? 0) > 4000, 'the voice is back at once');
  sender.close();
  decoder.close();
});
