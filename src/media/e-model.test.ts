import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Impairments, opinionScore, rating, scoreOf } from './e-model.ts';

const mos = (changes: Partial<Impairments>): number =>
  opinionScore(rating({ codec: 'PCMU', delayMs: 0, loss: 0, ...changes }));

test('the scores are those of G.107 annex B', () => {
  for (const [r, score] of [
    [93.2, 4.41],
    [90, 4.34],
    [80, 4.02],
    [70, 3.6],
    [60, 3.1],
    [50, 2.58],
    [0, 1],
    [-5, 1],
    [120, 4.5],
  ] as const) {
    assert.ok(Math.abs(opinionScore(r) - score) < 0.01, `R ${r}: ${opinionScore(r)}`);
  }
});

test('loss, its runs and delay make it worse, and nothing makes it leave 1…4.5', () => {
  assert.ok(Math.abs(mos({}) - 4.41) < 0.01);
  assert.ok(Math.abs(mos({ loss: 0.05 }) - 3.87) < 0.1, `${mos({ loss: 0.05 })}`);
  assert.ok(mos({ loss: 0.05, burstRatio: 3 }) < mos({ loss: 0.05 }));
  assert.ok(mos({ delayMs: 150 }) > 4.2 && mos({ delayMs: 400 }) < 3.7);
  assert.ok(mos({ codec: 'opus', loss: 0.1 }) > mos({ loss: 0.1 }));
  for (const loss of [-1, 0, 0.5, 1, 9]) {
    const score = mos({ loss, delayMs: 10_000 });
    assert.ok(score >= 1 && score <= 4.5, `${score}`);
  }
});

test('nothing received has no score; late packets count as lost, duplicates make nothing better', () => {
  const good = {
    codec: 'PCMU',
    packetsReceived: 1000,
    packetsLost: 0,
    packetsLate: 0,
    bufferMs: 20,
    roundTripMs: undefined,
  } as const;
  assert.equal(scoreOf({ ...good, packetsReceived: 0 }), undefined);
  const best = scoreOf(good) ?? 0;
  assert.ok(best > 4.3);
  assert.ok((scoreOf({ ...good, packetsLate: 50 }) ?? 5) < best - 0.3);
  assert.equal(scoreOf({ ...good, packetsLost: -10 }), best);
});
