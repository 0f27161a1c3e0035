import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Turns } from './turns.ts';

test('between two pieces of heavy work timers that are due run', async () => {
  const turns = new Turns();
  const order: string[] = [];
  const hold = (name: string) => () => {
    order.push(name);
    const until = performance.now() + 5;
    while (performance.now() < until);
  };
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(() => order.push('tick'), 1);
  for (const name of ['first', 'second', 'third']) turns.add(hold(name));
  turns.add(resolve);
  await promise;
  assert.deepEqual(
    order.filter((name) => name !== 'tick'),
    ['first', 'second', 'third'],
  );
  assert.ok(order.indexOf('tick') <= 2, order.join());
  assert.equal(turns.waiting, 0);
});

test('what is urgent goes first, but not for ever', async () => {
  const turns = new Turns();
  let isUrgent = true;
  let asked = 0;
  turns.yieldTo(() => {
    asked += 1;
    return isUrgent;
  });
  const first = Promise.withResolvers<void>();
  turns.add(first.resolve);
  await first.promise;
  assert.ok(asked > 1, 'it gave way before it went on all the same');
  isUrgent = false;
  asked = 0;
  const second = Promise.withResolvers<void>();
  turns.add(second.resolve);
  await second.promise;
  assert.equal(asked, 1);
});
