import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JitterBuffer } from './jitter-buffer.ts';
import { MIN_TARGET_MS } from './jitter-estimate.ts';
import { TickPhase } from './tick-phase.ts';

interface Course {
  /** Where in our 20 ms the first packet comes. */
  readonly phaseMs: number;
  /** How much faster than ours the source's clock is, parts per million. */
  readonly ppm: number;
  readonly packetMs: number;
  readonly jitterMs: number;
  readonly minutes: number;
}

/** A source and a tick that follows it, on simulated time. */
function play({ phaseMs, ppm, packetMs, jitterMs, minutes }: Course) {
  const buffer = new JitterBuffer({ clockRate: 8000 });
  const phase = new TickPhase();
  const payload = Buffer.alloc(packetMs * 8);
  const waits: number[] = [];
  const moves: number[] = [];
  let [packets, queuedTicks, concealedAtFirst] = [0, 0, 0];
  const dueAt = (packet: number) => phaseMs + packet * packetMs * (1 - ppm / 1e6);
  for (let now = 3; now < minutes * 60_000; now += 20) {
    for (; dueAt(packets) + jitterMs <= now; packets += 1) {
      const arrival = dueAt(packets) + Math.random() * jitterMs;
      buffer.push(packets & 0xffff, packets * payload.length, payload.length, payload, arrival);
    }
    while (queuedTicks < 160) {
      const { kind, ticks } = buffer.pull(now, queuedTicks);
      queuedTicks += ticks;
      if (kind === 'frame') {
        phase.note(buffer.slackMs);
        waits.push(buffer.bufferMs);
      }
    }
    queuedTicks -= 160;
    const shift = phase.takeShift();
    if (shift !== 0) moves.push(shift);
    now -= shift;
    if (now < 3000) concealedAtFirst = buffer.counters.concealed;
  }
  const { concealed, late, cut } = buffer.counters;
  return { waits: waits.slice(150), moves, faults: concealed - concealedAtFirst + late + cut };
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

for (const phaseMs of [0, 3, 7, 11, 15, 19]) {
  test(`packets at phase ${phaseMs} ms do not wait for the tick`, () => {
    const { waits, moves, faults } = play({ phaseMs, ppm: 0, packetMs: 20, jitterMs: 0.5, minutes: 1 });
    assert.equal(faults, 0);
    assert.ok(mean(waits) < MIN_TARGET_MS + 9, `they wait ${mean(waits)} ms`);
    assert.ok(moves.length <= 3, `moved ${moves.length} times`);
  });
}

for (const ppm of [300, -300]) {
  test(`a clock ${ppm} ppm off is followed for half an hour without touching the audio`, () => {
    const { waits, faults } = play({ phaseMs: 5, ppm, packetMs: 20, jitterMs: 0.5, minutes: 30 });
    assert.equal(faults, 0);
    assert.ok(Math.max(...waits) < MIN_TARGET_MS + 14, `up to ${Math.max(...waits)} ms`);
  });
}

for (const packetMs of [10, 30, 60]) {
  test(`packets of ${packetMs} ms are not overtaken by the tick`, () => {
    const { faults } = play({ phaseMs: 8, ppm: 50, packetMs, jitterMs: 0.5, minutes: 5 });
    assert.equal(faults, 0);
  });
}
