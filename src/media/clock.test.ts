import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TickClock, type TimeSource } from './clock.ts';

/** Time that goes on only when told; timers fire `slackMs` late, as a busy process does. */
class FakeTime implements TimeSource {
  time = 1000.5;
  slackMs = 0;
  #timers: { at: number; run: () => void }[] = [];

  now(): number {
    return this.time;
  }

  setTimer(run: () => void, ms: number): unknown {
    assert.equal(ms, Math.ceil(ms));
    const timer = { at: this.time + ms, run };
    this.#timers.push(timer);
    return timer;
  }

  setImmediate(run: () => void): unknown {
    return this.setTimer(run, 0);
  }

  clearTimer(timer: unknown): void {
    this.#timers = this.#timers.filter((other) => other !== timer);
  }

  get pending(): number {
    return this.#timers.length;
  }

  advance(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      const due = this.#timers.sort((a, b) => a.at - b.at)[0];
      if (!due || due.at > end) break;
      this.clearTimer(due);
      this.time = Math.max(this.time, due.at + this.slackMs);
      due.run();
    }
    this.time = Math.max(this.time, end);
  }
}

function clockOf(time: FakeTime): { clock: TickClock; errors: unknown[] } {
  const errors: unknown[] = [];
  return { clock: new TickClock((error) => errors.push(error), time), errors };
}

test('an hour of ticks, each timer late, and not one tick of drift', () => {
  const time = new FakeTime();
  time.slackMs = 1.7;
  const { clock } = clockOf(time);
  let ticks = 0;
  clock.subscribe('phone', () => ticks++);
  time.advance(3_600_000);
  assert.ok(ticks >= 180_000 && ticks <= 180_001, `${ticks}`);
  const lateness = clock.takeLateness();
  assert.equal(lateness.skipped, 0);
  assert.ok(lateness.maxMs < 3, `${lateness.maxMs} ms late`);
});

test('subscribers are spread over the slots, each every 20 ms', () => {
  const time = new FakeTime();
  const { clock } = clockOf(time);
  const due: number[][] = Array.from({ length: 20 }, () => []);
  for (const list of due) clock.subscribe('phone', (scheduled) => list.push(scheduled));
  time.advance(1000);
  const phases = new Map<number, number>();
  for (const list of due) {
    const [first, second] = list as [number, number];
    assert.equal(second - first, 20);
    assert.ok(list.length >= 50);
    const phase = Math.round((first - 1000.5) % 20);
    phases.set(phase, (phases.get(phase) ?? 0) + 1);
  }
  assert.deepEqual([...phases.values()], Array(10).fill(2));
});

test('in a slot the rooms tick before the phones, whoever came first', () => {
  const time = new FakeTime();
  const { clock } = clockOf(time);
  const order: string[] = [];
  for (let subscriber = 0; subscriber < 20; subscriber++) {
    const kind = subscriber % 4 < 2 ? 'phone' : 'room';
    clock.subscribe(kind, (due) => order.push(`${due} ${kind}`));
  }
  time.advance(40);
  const slots = Map.groupBy(order, (tick) => tick.split(' ')[0]);
  for (const ticks of slots.values()) assert.deepEqual(ticks, ticks.toSorted().toReversed());
  assert.ok([...slots.values()].some((ticks) => new Set(ticks).size === 2));
});

test('a subscriber that moves its ticks gets the next one when it asked for it, and none in between', () => {
  const time = new FakeTime();
  const { clock } = clockOf(time);
  clock.subscribe('phone', () => {});
  for (const wait of [4, 12, 20, 22, 36]) {
    const due: number[] = [];
    const follow = (scheduled: number) => due.push(scheduled);
    const leave = clock.subscribe('phone', (scheduled) => {
      due.push(scheduled);
      leaveFollower = clock.subscribe('phone', follow, scheduled + wait);
      leave();
    });
    let leaveFollower = () => {};
    time.advance(200);
    leaveFollower();
    assert.equal(Math.round((due[1] ?? 0) - (due[0] ?? 0)), wait);
    assert.equal(Math.round((due[2] ?? 0) - (due[1] ?? 0)), 20);
  }
});

test('after a short stall the missed ticks are made up for; after a long one the rest is skipped and counted', () => {
  const time = new FakeTime();
  const { clock } = clockOf(time);
  let ticks = 0;
  clock.subscribe('phone', () => ticks++);
  time.advance(200);
  time.slackMs = 90;
  time.advance(20);
  time.slackMs = 0;
  time.advance(0);
  assert.equal(clock.takeLateness().skipped, 0);
  const before = ticks;
  time.slackMs = 1000;
  time.advance(20);
  time.slackMs = 0;
  const lateness = clock.takeLateness();
  assert.ok(ticks - before <= 7, `${ticks - before} in a burst`);
  assert.ok(lateness.skipped >= 44 && lateness.skipped <= 46, `${lateness.skipped}`);
  assert.ok(lateness.maxMs <= 120 && lateness.p99Ms > 20);
});

test('a subscriber that throws does not stop the others', () => {
  const time = new FakeTime();
  const { clock, errors } = clockOf(time);
  let ticks = 0;
  clock.subscribe('phone', () => {
    throw new Error('broken call');
  });
  clock.subscribe('phone', () => ticks++);
  time.advance(100);
  assert.ok(ticks >= 5 && errors.length >= 5);
});

test('without subscribers there is no timer; one may leave within its own tick', () => {
  const time = new FakeTime();
  const { clock } = clockOf(time);
  assert.equal(time.pending, 0);
  let ticks = 0;
  const leave = clock.subscribe('phone', () => {
    ticks += 1;
    if (ticks === 3) leave();
  });
  const leaveOther = clock.subscribe('phone', () => {});
  time.advance(200);
  assert.equal(ticks, 3);
  leaveOther();
  leaveOther();
  assert.equal(time.pending, 0);
  clock.subscribe('phone', () => ticks++);
  time.advance(100);
  assert.ok(ticks >= 8);
  clock.stop();
  assert.equal(time.pending, 0);
});

test('a thread that is always late still does other things between its ticks', () => {
  const time = new FakeTime();
  let reads = 0;
  const clock = new TickClock(assert.ifError, time, () => reads++);
  let ticks = 0;
  for (let subscriber = 0; subscriber < 10; subscriber++) {
    clock.subscribe('phone', () => {
      ticks += 1;
      time.time += 3; // 30 ms of work in each 20 ms
    });
  }
  time.advance(1000);
  // Were it one run, `advance` would not come back, and the sockets would have been read once.
  assert.ok(ticks > 200 && reads >= ticks - 20, `${ticks} ticks, ${reads} reads`);
  assert.ok(clock.takeLateness().skipped > 0);
});
