import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Turns } from './turns.ts';

test('between two pieces of work timers that are due run', async () => {
  const turns = new Turns(() => false);
  const order: string[] = [];
  const work = async (name: string): Promise<void> => {
    await turns.take();
    order.push(name);
    const until = performance.now() + 5;
    while (performance.now() < until);
  };
  setTimeout(() => order.push('tick'), 1);
  await Promise.all(['first', 'second', 'third'].map(work));
  assert.deepEqual(
    order.filter((name) => name !== 'tick'),
    ['first', 'second', 'third'],
  );
  assert.ok(order.indexOf('tick') <= 2, order.join());
});

test('what is urgent goes first, but not for ever', async () => {
  let isUrgent = true;
  let asked = 0;
  const turns = new Turns(() => {
    asked += 1;
    return isUrgent;
  });
  await turns.take();
  assert.ok(asked > 1, 'it gave way before it went on all the same');
  isUrgent = false;
  asked = 0;
  await turns.take();
  assert.equal(asked, 1);
});
