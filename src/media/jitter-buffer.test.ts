import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JitterBuffer, type JitterBufferOptions } from './jitter-buffer.ts';

interface Sent {
  sequence: number;
  /** Media time in ms; the arrival adds the delay. */
  mediaMs: number;
  delayMs: number;
  durationMs?: number;
}

interface Played {
  kind: 'frame' | 'lost' | 'silence' | 'empty';
  /** Number written into the payload. */
  packet: number | undefined;
  next: number | undefined;
  atMs: number;
}

const CLOCK = 48;
const FIRST_TIMESTAMP = 0xffff0000; // wraps within the first seconds

/** Lets `packets` arrive and pulls 20 ms at every tick, like a call does. */
function play(
  packets: Sent[],
  options: Partial<JitterBufferOptions> & {
    tickPhaseMs?: number;
    untilMs?: number;
  } = {},
) {
  const buffer = new JitterBuffer({ clockRate: CLOCK * 1000, ...options });
  const arrivals = packets
    .map((packet) => ({ ...packet, arrivalMs: packet.mediaMs + packet.delayMs }))
    .sort((a, b) => a.arrivalMs - b.arrivalMs);
  const until = options.untilMs ?? Math.max(...arrivals.map((packet) => packet.arrivalMs)) + 60;
  const played: Played[] = [];
  let queued = 0;
  for (let now = options.tickPhaseMs ?? 13; now < until; now += 20) {
    while (arrivals[0] && arrivals[0].arrivalMs <= now) {
      const { sequence, mediaMs, durationMs, arrivalMs } = arrivals.shift() as (typeof arrivals)[0];
      const payload = Buffer.alloc(4);
      payload.writeInt32BE(sequence);
      const timestamp = (FIRST_TIMESTAMP + mediaMs * CLOCK) >>> 0;
      buffer.push(sequence & 0xffff, timestamp, (durationMs ?? 20) * CLOCK, payload, arrivalMs);
    }
    while (queued < 20 * CLOCK) {
      const pull = buffer.pull(now, queued);
      const { kind, payload, next } = pull;
      played.push({ kind, packet: payload?.readInt32BE(), next: next?.readInt32BE(), atMs: now });
      queued += pull.ticks + (pull.stretch ? 20 * CLOCK : 0);
    }
    queued -= 20 * CLOCK;
  }
  return { played, buffer };
}

function stream(count: number, delayMs: (n: number) => number, first = 65500): Sent[] {
  return Array.from({ length: count }, (_, n) => ({
    sequence: first + n,
    mediaMs: n * 20,
    delayMs: 20 + delayMs(n),
  }));
}

const kinds = (played: Played[], kind: Played['kind']): number =>
  played.filter((piece) => piece.kind === kind).length;
const packetsOf = (played: Played[]): number[] =>
  played.flatMap(({ packet }) => (packet === undefined ? [] : [packet]));
/** Repeatable noise 0…1. */
function noise(n: number): number {
  const x = Math.sin(n * 12.9898 + 4.1) * 43758.5453;
  return x - Math.floor(x);
}

test('a clean network: every packet in order over the wrap, none concealed, 15 to 35 ms of delay', () => {
  for (const tickPhaseMs of [0, 3, 7, 13, 19]) {
    const { played, buffer } = play(
      stream(500, (n) => noise(n) * 3),
      { tickPhaseMs },
    );
    assert.deepEqual(
      packetsOf(played),
      Array.from({ length: 500 }, (_, n) => 65500 + n),
    );
    assert.ok(kinds(played.slice(10, -5), 'lost') <= 1, 'at most one while the depth is found');
    assert.ok(
      buffer.bufferMs >= 14 && buffer.bufferMs <= 36,
      `${buffer.bufferMs} ms at phase ${tickPhaseMs}`,
    );
  }
});

test('a jittery network: the depth grows until packets are in time, and falls again', () => {
  const packets = stream(1500, (n) => (n < 750 ? noise(n) * 60 : noise(n) * 2));
  const { played, buffer } = play(packets);
  const settled = played.filter((piece) => piece.atMs > 3000 && piece.atMs < 15000);
  assert.ok(kinds(settled, 'lost') < settled.length * 0.05, `${kinds(settled, 'lost')} concealed`);
  assert.ok(buffer.takeSurplus() >= 20, 'the listener is told that it may catch up');
});

test('swapped packets are put in order', () => {
  const packets = stream(200, (n) => (n % 10 === 5 ? 25 : 0));
  const { played } = play(packets);
  const order = packetsOf(played);
  assert.deepEqual(
    order,
    [...order].sort((a, b) => a - b),
  );
  assert.ok(order.length >= 199);
});

test('a packet that comes twice is played once', () => {
  const packets = stream(100, () => 0);
  const { played, buffer } = play([
    ...packets,
    ...packets.map((packet) => ({ ...packet, delayMs: packet.delayMs + 1 })),
  ]);
  assert.equal(packetsOf(played).length, 100);
  assert.equal(buffer.counters.duplicate + buffer.counters.late, 100);
});

test('a lost packet is concealed once, and nothing after it is shifted', () => {
  const packets = stream(100, () => 0).filter(({ sequence }) => sequence !== 65540);
  const { played, buffer } = play(packets);
  assert.equal(kinds(played.slice(0, -4), 'lost'), 1);
  assert.equal(packetsOf(played).length, 99);
  assert.ok(buffer.bufferMs <= 35);
});

test('where packets get lost, the copy in the next packet is used', () => {
  const packets = stream(600, () => 0).filter((_, n) => n % 20 !== 19);
  const { played } = play(packets, { forwardErrorCorrection: true });
  const repaired = played.filter((piece) => piece.next !== undefined);
  assert.ok(repaired.length >= 22, `${repaired.length} of 29`);
  for (const piece of repaired) assert.equal(((piece.next as number) - 65500) % 20, 0);
});

test('a jump in time without a missing number is silence, not loss', () => {
  const packets = [
    ...stream(50, () => 0),
    ...stream(50, () => 0).map((packet, n) => ({ ...packet, sequence: 65550 + n, mediaMs: 3000 + n * 20 })),
  ];
  const { played, buffer } = play(packets);
  assert.ok(kinds(played.slice(0, -4), 'lost') <= 5, 'only until it was clear that nothing comes');
  assert.equal(packetsOf(played).length, 100);
  assert.equal(buffer.counters.restarts, 0);
  assert.ok(buffer.bufferMs <= 35);
  const resumed = played.find((piece) => piece.packet === 65550) as Played;
  assert.ok(resumed.atMs - 3020 <= 35, `${resumed.atMs - 3020} ms after it came`);
});

test('short silences, dropped by a bridge that renumbers, do not add up to delay', () => {
  let mediaMs = 0;
  const packets = Array.from({ length: 300 }, (_, n) => {
    mediaMs += n % 10 === 9 ? 60 : 20;
    return { sequence: n, mediaMs, delayMs: 20 };
  });
  const { played, buffer } = play(packets);
  assert.equal(packetsOf(played).length, 300);
  assert.ok(buffer.bufferMs <= 35, `${buffer.bufferMs} ms`);
  assert.equal(buffer.takeSurplus(), 0);
});

test('new timestamps, new sequence numbers, or both: at most one tick of the new stream is late', () => {
  const tail = (sequence: number, shiftMs: number): Sent[] =>
    stream(100, () => 0).map((packet, n) => ({
      sequence: sequence + n,
      mediaMs: 1000 + n * 20 + shiftMs,
      delayMs: packet.delayMs - shiftMs,
    }));
  for (const [sequence, shift] of [
    [65550, 3_600_000],
    [65550, -3_600_000],
    [65550 + 20000, 0],
    [65550 - 20000, 0],
    [65550 + 20000, 7_200_000],
    [65550 - 40, 0],
  ] as const) {
    const { played, buffer } = play([...stream(50, () => 0), ...tail(sequence, shift)], { untilMs: 3100 });
    const fresh = packetsOf(played.slice(50)).filter(
      (packet) => packet >= sequence && packet < sequence + 100,
    );
    assert.ok(fresh.length >= 45, `${fresh.length} played after ${sequence}, ${shift}`);
    assert.ok(buffer.counters.restarts <= 1);
    assert.ok(buffer.bufferMs <= 45, `${buffer.bufferMs} ms after ${sequence}, ${shift}`);
  }
});

test('one forged packet far away changes nothing', () => {
  const packets = stream(100, () => 0);
  const forged = { sequence: 65500 + 30000, mediaMs: 1e6, delayMs: -1e6 + 1005 };
  const { played, buffer } = play([...packets, forged]);
  assert.equal(packetsOf(played).length, 100);
  assert.equal(buffer.counters.restarts, 0);
});

for (const durationMs of [10, 20, 30, 40, 60, 120]) {
  test(`packets of ${durationMs} ms play without a gap`, () => {
    const count = 6000 / durationMs;
    const packets = Array.from({ length: count }, (_, n) => ({
      sequence: n,
      mediaMs: n * durationMs,
      delayMs: durationMs + noise(n) * 2,
      durationMs,
    }));
    const { played, buffer } = play(packets);
    assert.equal(packetsOf(played).length, count);
    const settled = played.filter((piece) => piece.atMs > 1000 && piece.atMs < 6000);
    assert.equal(kinds(settled, 'lost'), 0);
    assert.ok(buffer.bufferMs <= 45, `${buffer.bufferMs} ms`);
  });
}

test('a sender whose clock runs slow: the delay stays, a frame is stretched now and then', () => {
  const packets = stream(6000, (n) => n * 20 * 0.0005);
  const { played, buffer } = play(packets);
  assert.equal(packetsOf(played).length, 6000);
  assert.equal(kinds(played.slice(0, -5), 'lost'), 0, 'until the end');
  assert.ok(buffer.counters.stretched <= 9, `${buffer.counters.stretched} for 60 ms of drift`);
  assert.ok(buffer.bufferMs <= 30);
});

test('a sender whose clock runs fast: the listener is told, and when it does not act the delay is still bounded', () => {
  const packets = stream(30000, (n) => 400 - n * 20 * 0.0005, 0);
  const { buffer } = play(packets);
  assert.ok(buffer.counters.cut >= 1);
  assert.ok(buffer.bufferMs <= 230, `${buffer.bufferMs}`);
});

test('after the network stood still for half a second the delay is back to small at once', () => {
  const packets = stream(200, (n) => (n >= 50 && n < 75 ? (75 - n) * 20 : 0));
  const { played, buffer } = play(packets);
  assert.ok(buffer.counters.cut > 0);
  assert.ok(buffer.bufferMs <= 240, `${buffer.bufferMs} ms`);
  assert.ok(kinds(played, 'frame') > 150);
});

test('a source that stops is empty after 100 ms', () => {
  const { played } = play(
    stream(50, () => 0),
    { untilMs: 2000 },
  );
  const end = played.slice(-40);
  assert.equal(kinds(end, 'lost'), 0);
  assert.equal(kinds(end, 'empty'), 40);
});

test('random packets neither throw nor keep the listener waiting', () => {
  const buffer = new JitterBuffer({ clockRate: 8000, forwardErrorCorrection: true });
  for (let n = 0; n < 50_000; n++) {
    const random = (range: number): number => Math.floor(Math.random() * range);
    buffer.push(
      random(n % 3 ? 100 : 65536),
      random(n % 5 ? 20000 : 2 ** 32),
      random(1200),
      Buffer.alloc(2),
      n * 7,
    );
    const pull = buffer.pull(n * 7, random(160));
    assert.ok(pull.ticks > 0 && pull.ticks <= 960);
  }
});

test('a lost packet is asked for as a whole, however much is queued: its copy restores all of it or nothing', () => {
  let mediaMs = 0;
  const sent = Array.from({ length: 200 }, (_, sequence) => {
    const packet = { sequence, mediaMs, delayMs: 20, durationMs: sequence === 150 ? 10 : 20 };
    mediaMs += packet.durationMs;
    return packet;
  });
  const arriving = sent.filter(({ sequence }) => sequence % 10 !== 9);
  const { played } = play(arriving, { forwardErrorCorrection: true });
  const at = played.findIndex(({ packet }) => packet === 158);
  assert.deepEqual(
    played.slice(at, at + 3).map(({ packet, next }) => packet ?? `copy in ${next}`),
    [158, 'copy in 160', 160],
  );
});

test('of a long packet that is lost the last frame is asked for apart, with the packet behind it', () => {
  const packets = Array.from({ length: 60 }, (_, n) => ({
    sequence: n,
    mediaMs: n * 120,
    delayMs: 120 + 70 * (n % 2),
    durationMs: 120,
  })).filter(({ sequence }) => sequence % 6 !== 5);
  const { played } = play(packets, { forwardErrorCorrection: true });
  const repaired = played.flatMap(({ next }) => (next === undefined ? [] : [next]));
  assert.deepEqual(repaired, [6, 12, 18, 24, 30, 36, 42, 48, 54].slice(-repaired.length));
  assert.ok(repaired.length >= 5, `${repaired}`);
});

test('the delay grows at once on a late packet: the next that is as late is heard', () => {
  for (const lateBy of [30, 40, 48, 52, 58]) {
    const late = [100, 150, 200];
    const { played } = play(stream(300, (n) => (late.includes(n) ? lateBy : 0)));
    const heard = new Set(packetsOf(played));
    assert.deepEqual(
      late.slice(1).filter((n) => !heard.has(65500 + n)),
      [],
      `late by ${lateBy} ms`,
    );
  }
});

test('a listener who catches up looks ahead, and nothing is inserted for that', () => {
  const { buffer } = play(
    stream(230, (n) => (n < 200 ? (n * 37) % 70 : 0)),
    { untilMs: 4300 },
  );
  let ahead = 0;
  for (; buffer.hasNext(); ahead++) assert.equal(buffer.pull(4313, 20 * CLOCK).kind, 'frame');
  assert.ok(ahead >= 2, `${ahead}`);
});
