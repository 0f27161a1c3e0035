import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PacketBuffers } from './packet-buffers.ts';
import { useNodeSockets, useSystemSockets } from './udp-socket.ts';

test('a packet that node:dgram may still hold is not written over by the next ones, nor by another call', () => {
  useNodeSockets();
  const [one, other] = [new PacketBuffers(), new PacketBuffers()];
  const taken = Array.from({ length: 8 }, () => [one.take(), other.take()]).flat();
  assert.equal(new Set(taken).size, 16);
});

test('where the system takes a packet at once, one buffer is enough for all calls', {
  skip: process.platform !== 'linux',
}, async () => {
  assert.ok(await useSystemSockets());
  const [one, other] = [new PacketBuffers(), new PacketBuffers()];
  assert.equal(new Set([one.take(), one.take(), other.take()]).size, 1);
  useNodeSockets();
});
