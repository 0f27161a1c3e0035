import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Impairment, PacketFates } from './impairment.ts';

const packets = 100_000;

function fates(impairment: Impairment): (readonly number[])[] {
  const made = new PacketFates(impairment);
  return Array.from({ length: packets }, () => made.next());
}

function bursts(all: readonly (readonly number[])[]): { lost: number; runs: number } {
  const isLost = all.map((copies) => copies.length === 0);
  const runs = isLost.filter((lost, at) => lost && isLost[at - 1] !== true).length;
  return { lost: isLost.filter(Boolean).length, runs };
}

const near = (value: number, wanted: number, part = 0.1) =>
  assert.ok(Math.abs(value - wanted) <= wanted * part, `${value} is not about ${wanted}`);

test('random loss hits its share of the packets, hardly ever two in a row', () => {
  const { lost, runs } = bursts(fates({ lossPercent: 5 }));
  near(lost / packets, 0.05);
  near(lost / runs, 1 / 0.95);
});

test('bursty loss hits the same share in runs of the mean length', () => {
  const { lost, runs } = bursts(fates({ lossPercent: 5, lossBurst: 3 }));
  near(lost / packets, 0.05);
  near(lost / runs, 3);
});

test('jitter, duplicates and overtaken packets come as often as asked, within their bounds', () => {
  const all = fates({ jitterMs: 40, duplicatePercent: 2, reorderPercent: 3 });
  near(all.filter((copies) => copies.length === 2).length / packets, 0.02, 0.15);
  near(all.filter(([first = 0]) => first >= 40).length / packets, 0.03 * (25 / 40), 0.15);
  const delays = all.flat();
  near(delays.reduce((sum, delay) => sum + delay, 0) / delays.length, 20 + 0.03 * 25);
  assert.ok(delays.every((delay) => delay >= 0 && delay < 65));
});

test('the same seed loses the same packets, with jitter or without', () => {
  const lost = (impairment: Impairment) => fates(impairment).map((copies) => copies.length === 0);
  const impairment = { seed: 7, lossPercent: 5, lossBurst: 2 };
  assert.deepEqual(lost(impairment), lost({ ...impairment, jitterMs: 40 }));
  assert.notDeepEqual(lost(impairment), lost({ ...impairment, seed: 8 }));
});
