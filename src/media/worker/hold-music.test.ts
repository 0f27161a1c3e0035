import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { createAudioDecoder } from '../audio-codec.ts';
import { phoneStage, tonePath } from './call.fixture.ts';
import { loadOpus } from './opus.ts';

await loadOpus();
const directory = await mkdtemp(join(tmpdir(), 'jigasi-hold-'));
after(() => rm(directory, { recursive: true }));
/** Half a second, that begins and ends loud. */
const music = await tonePath(directory, 490, 0.49);

const formats = [
  { codec: 'PCMU', sendPayloadType: 0, rate: 8000 },
  { codec: 'opus', sendPayloadType: 96, rate: 48_000 },
] as const;

async function held(t: TestContext, { codec, sendPayloadType, rate }: (typeof formats)[number]) {
  const stage = await phoneStage(t);
  const format = { codec, sendPayloadType, receivePayloadType: sendPayloadType, telephoneEvent: undefined };
  const decoder = createAudioDecoder(codec, rate);
  t.after(() => decoder.close());
  const hear = async (ticks: number): Promise<number[]> => {
    const heard: number[] = [];
    const frame = new Int16Array(rate / 50);
    for (const { payload } of await stage.hear(ticks)) {
      assert.equal(decoder.decode(payload, frame), frame.length);
      heard.push(...frame);
    }
    return heard;
  };
  return {
    events: stage.events,
    hear,
    pass: stage.pass,
    packetsSent: () => stage.call.statistics().phone.packetsSent,
    connect: (direction: 'sendrecv' | 'recvonly' | 'inactive', holdMusic?: string) =>
      stage.connect({ ...format, direction, holdMusic }),
    async begun(): Promise<void> {
      stage.pass(); // the encoder is made, and is ready for the next event
      await new Promise((resolve) => setImmediate(resolve));
      while (peak(await hear(1)) < 1000) await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

const peak = (samples: readonly number[]): number => Math.max(...samples.map(Math.abs));

for (const format of formats) {
  test(`${format.codec}: a phone that holds hears music in a loop without a click, until it resumes`, async (t) => {
    const stage = await held(t, format);
    stage.connect('recvonly', music);
    await stage.begun();
    const heard = await stage.hear(100);
    const quietMs = longestQuiet(heard, format.rate);
    assert.ok(quietMs < 15, `a hole of ${quietMs} ms`);
    const steepest = 2 * Math.PI * (490 / format.rate) * 12_000;
    const jump = Math.max(...heard.slice(1).map((sample, at) => Math.abs(sample - (heard[at] as number))));
    assert.ok(jump < 1.5 * steepest + 300, `a click of ${jump}, where the tone itself makes ${steepest}`);
    stage.connect('recvonly', music);
    assert.ok(peak(await stage.hear(2)) > 8000, 'a new agreement without a change lets it go on');
    stage.connect('sendrecv', music);
    const after = await stage.hear(4);
    // Opus looks 6.5 ms ahead, and rings.
    const rest = after.slice(format.rate * (format.codec === 'opus' ? 0.03 : 0.006));
    assert.ok(peak(rest) < 100, `${peak(rest)} after the end`);
  });
}

test('a phone that does not listen, or for which there is no music, gets nothing', async (t) => {
  const stage = await held(t, formats[0]);
  for (const [direction, path] of [
    ['inactive', music],
    ['recvonly', undefined],
  ] as const) {
    stage.connect(direction, path);
    stage.pass(20);
    assert.equal(stage.packetsSent(), 0);
  }
});

test('music that cannot be read is told, and is silence', async (t) => {
  const stage = await held(t, formats[0]);
  stage.connect('recvonly', join(directory, 'none.opus'));
  while (stage.events.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const [event] = stage.events;
  assert.ok(event?.name === 'hold-music-failed');
  assert.match(event.why.detail ?? '', /none\.opus/);
  assert.equal(peak(await stage.hear(3)), 0);
});

test('holding and resuming faster than the music is read plays it once at the most', async (t) => {
  const stage = await held(t, formats[0]);
  for (const direction of ['recvonly', 'sendrecv', 'recvonly'] as const) stage.connect(direction, music);
  await stage.begun();
  stage.connect('sendrecv', music);
  assert.equal(peak((await stage.hear(4)).slice(48)), 0);
});

/** Milliseconds in which no sample is louder than a hundredth of the tone. */
function longestQuiet(samples: readonly number[], rate: number): number {
  let [longest, quiet] = [0, 0];
  for (const sample of samples) {
    quiet = Math.abs(sample) < 120 ? quiet + 1 : 0;
    longest = Math.max(longest, quiet);
  }
  return (longest * 1000) / rate;
}
