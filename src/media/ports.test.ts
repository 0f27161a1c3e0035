import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PortAllocator } from './ports.ts';

test('an RTP port is even, its RTCP port follows, and no port is handed out twice', () => {
  const ports = new PortAllocator({ minPort: 10_001, maxPort: 10_020 });
  const seen = new Set<number>();
  for (let pair = ports.takePair(); pair !== undefined; pair = ports.takePair()) {
    assert.equal(pair.rtp % 2, 0);
    assert.equal(pair.rtcp, pair.rtp + 1);
    assert.ok(pair.rtp >= 10_001 && pair.rtcp <= 10_020);
    assert.ok(!seen.has(pair.rtp));
    seen.add(pair.rtp);
  }
  assert.equal(seen.size, 9, '10002..10019 are nine pairs');
  const rest = [ports.takeOne(), ports.takeOne()].sort();
  assert.deepEqual(rest, [10_001, 10_020], 'the bounds themselves serve ICE');
  assert.equal(ports.takeOne(), undefined);
});

test('the choice is not the same for every start', () => {
  const first = () => new PortAllocator({ minPort: 10_000, maxPort: 59_999 }).takePair()?.rtp;
  assert.ok(new Set(Array.from({ length: 8 }, first)).size > 1);
});

test('a released port rests while the range has room', () => {
  let now = 0;
  const ports = new PortAllocator({ minPort: 10_000, maxPort: 10_003 }, { now: () => now });
  const pair = ports.takePair();
  assert.ok(pair);
  ports.release(pair.rtp, pair.rtcp);
  assert.notEqual(ports.takePair()?.rtp, pair.rtp, 'the other pair is free, so the released one rests');
  now = 29_999;
  assert.equal(ports.inUse, 2);
  assert.equal(ports.takePair()?.rtp, pair.rtp, 'nothing else is left: better early than never');
});

test('a small range reuses the longest-released ports first', () => {
  let now = 0;
  const ports = new PortAllocator({ minPort: 10_000, maxPort: 10_005 }, { now: () => now });
  const pairs = [ports.takePair(), ports.takePair(), ports.takePair()].map((pair) => pair?.rtp ?? 0);
  const order = [pairs[1], pairs[2], pairs[0]].map((port) => port ?? 0);
  for (const port of order) {
    now += 1000;
    ports.release(port, port + 1);
  }
  assert.deepEqual([ports.takePair()?.rtp, ports.takePair()?.rtp, ports.takePair()?.rtp], order);
});

test('two calls fit in six ports: ICE ports do not break the pairs of a small range', () => {
  for (let round = 0; round < 50; round += 1) {
    const ports = new PortAllocator({ minPort: 10_000, maxPort: 10_005 });
    for (const _call of [1, 2]) {
      assert.ok(ports.takePair());
      assert.ok(ports.takeOne());
    }
    assert.equal(ports.takeOne(), undefined);
  }
});

test('a port of another program is left alone for a while, and is then tried again', () => {
  let now = 0;
  const ports = new PortAllocator({ minPort: 10_000, maxPort: 10_001 }, { now: () => now });
  const pair = ports.takePair();
  assert.ok(pair);
  ports.markForeign(pair.rtcp);
  ports.release(pair.rtp);
  assert.equal(ports.takePair(), undefined);
  now = 10_000;
  assert.deepEqual(ports.takePair(), pair);
});
