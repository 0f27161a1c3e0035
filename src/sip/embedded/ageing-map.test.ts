import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AgeingMap } from './ageing-map.ts';

test('an entry lives for its time and not much longer, wherever in a span it came', (context) => {
  context.mock.timers.enable({ apis: ['setInterval'] });
  const map = new AgeingMap(() => 32_000);
  map.set('early', '1');
  context.mock.timers.tick(1_999);
  map.set('late', '2');
  context.mock.timers.tick(30_001);
  map.set('young', '3');
  assert.deepEqual([map.get('early'), map.get('late'), map.get('young'), map.size], ['1', '2', '3', 3]);
  context.mock.timers.tick(2_000);
  assert.deepEqual(
    [map.get('early'), map.get('late'), map.get('young'), map.size],
    [undefined, undefined, '3', 1],
  );
});

test('an empty map stops counting, and begins again with the next entry', (context) => {
  context.mock.timers.enable({ apis: ['setInterval'] });
  let asked = 0;
  const map = new AgeingMap(() => {
    asked += 1;
    return 1_600;
  });
  map.set('a', '1');
  map.set('b', '2');
  context.mock.timers.tick(10_000);
  assert.deepEqual([map.size, asked], [0, 1]);
  map.set('c', '3');
  assert.deepEqual([map.get('c'), asked], ['3', 2]);
  map.clear();
  assert.equal(map.get('c'), undefined);
});

test('keys and values come back as they were, byte for byte', () => {
  const map = new AgeingMap(() => 1_000);
  const key = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join('');
  map.set(key, key);
  assert.equal(map.get(key), key);
  map.clear();
});
