import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { before, describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { OpenSockets } from './open-sockets.ts';
import type { TransportAddress } from './stun-address.ts';
import { closeFiles } from './system-calls.ts';
import { bindUdp, readSockets, type UdpSocket, useNodeSockets, useSystemSockets } from './udp-socket.ts';

interface Heard {
  readonly text: string;
  readonly from: TransportAddress;
  readonly agoMs: number;
}

async function open(address: string, port = 0) {
  const heard: Heard[] = [];
  const errors: string[] = [];
  const bound = await bindUdp(address, port, {
    onDatagram: (datagram, from, agoMs) => heard.push({ text: datagram.toString(), from, agoMs }),
    onError: (errno) => errors.push(errno),
  });
  assert.ok(bound.ok);
  return { socket: bound.value, heard, errors };
}

async function until(heard: readonly unknown[], count: number): Promise<void> {
  while (heard.length < count) {
    readSockets();
    await turn();
  }
}

for (const kind of ['system', 'node'] as const) {
  describe(`${kind} sockets`, () => {
    before(async () => {
      if (kind === 'node') useNodeSockets();
      else assert.ok(await useSystemSockets());
    });

    for (const address of ['127.0.0.1', '::1']) {
      test(`${address}: what one sends the other gets, whole, and knows from whom`, async () => {
        const [one, other] = [await open(address), await open(address)];
        one.socket.send(Buffer.from('a'), other.socket.port, address);
        one.socket.send(Buffer.from('b'.repeat(1200)), other.socket.port, address);
        await until(other.heard, 2);
        const lengths = other.heard.map(({ text }) => text.length);
        assert.deepEqual(lengths, [1, 1200]);
        for (const { from } of other.heard)
          assert.deepEqual({ ...pick(from) }, { address, port: one.socket.port });
        await Promise.all([one.socket.close(), other.socket.close()]);
      });
    }

    test('two senders in turn are told apart', async () => {
      const [first, second, us] = [await open('127.0.0.1'), await open('127.0.0.1'), await open('127.0.0.1')];
      for (let round = 0; round < 20; round++) {
        const sender: UdpSocket = (round % 2 === 0 ? first : second).socket;
        sender.send(Buffer.from(String(sender.port)), us.socket.port, '127.0.0.1');
      }
      await until(us.heard, 20);
      assert.ok(us.heard.every(({ text, from }) => text === String(from.port)));
      await Promise.all([first, second, us].map(({ socket }) => socket.close()));
    });

    test('a port that is taken says so, and is free again after close', async () => {
      const { socket } = await open('127.0.0.1');
      const events = { onDatagram: () => {}, onError: () => {} };
      const again = await bindUdp('127.0.0.1', socket.port, events);
      assert.deepEqual(again, { ok: false, error: { errno: 'EADDRINUSE', port: socket.port } });
      await socket.close();
      const later = await bindUdp('127.0.0.1', socket.port, events);
      assert.ok(later.ok);
      await later.value.close();
    });

    test('more datagrams than one batch takes all arrive', async () => {
      const [one, other] = [await open('127.0.0.1'), await open('127.0.0.1')];
      for (let count = 0; count < 100; count++)
        one.socket.send(Buffer.from('x'), other.socket.port, '127.0.0.1');
      await until(other.heard, 100);
      await Promise.all([one.socket.close(), other.socket.close()]);
    });
  });
}

describe('system sockets alone', () => {
  test('a thread that was busy knows when a packet came', async () => {
    assert.ok(await useSystemSockets());
    const { socket, heard } = await open('127.0.0.1');
    socket.send(Buffer.from('now'), socket.port, '127.0.0.1');
    const busyUntil = performance.now() + 40;
    while (performance.now() < busyUntil);
    await until(heard, 1);
    assert.ok((heard[0]?.agoMs ?? 0) >= 39, `${heard[0]?.agoMs} ms ago`);
    await socket.close();
  });

  test('what is longer than any media packet is refused and counted', async () => {
    const { socket, heard, errors } = await open('127.0.0.1');
    socket.send(Buffer.alloc(3000), socket.port, '127.0.0.1');
    socket.send(Buffer.from('short'), socket.port, '127.0.0.1');
    await until(heard, 1);
    assert.deepEqual([heard.map(({ text }) => text), errors], [['short'], ['EMSGSIZE']]);
    await socket.close();
  });

  test('who closes the socket while its datagrams are read gets no more of them', async () => {
    let count = 0;
    const bound = await bindUdp('127.0.0.1', 0, {
      onDatagram: () => {
        count += 1;
        if (bound.ok) void bound.value.close();
      },
      onError: () => {},
    });
    assert.ok(bound.ok);
    for (let sent = 0; sent < 3; sent++) bound.value.send(Buffer.from('x'), bound.value.port, '127.0.0.1');
    while (count === 0) {
      readSockets();
      await turn();
    }
    assert.equal(count, 1);
  });

  test('a socket that its owner reads is left to him', async () => {
    assert.ok(await useSystemSockets());
    const [tended, other] = [await open('127.0.0.1'), await open('127.0.0.1')];
    tended.socket.read();
    tended.socket.send(Buffer.from('a'), tended.socket.port, '127.0.0.1');
    other.socket.send(Buffer.from('b'), other.socket.port, '127.0.0.1');
    await until(other.heard, 1);
    assert.equal(tended.heard.length, 0);
    tended.socket.read();
    assert.equal(tended.heard.length, 1);
    await Promise.all([tended.socket.close(), other.socket.close()]);
    useNodeSockets();
  });

  test('the sockets of a thread that died are closed by who survives it', async () => {
    const list = new OpenSockets();
    assert.ok(await useSystemSockets(list));
    const { socket } = await open('127.0.0.1');
    await closeFiles(new OpenSockets(list.shared).takeAll());
    const other = createSocket('udp4').bind(socket.port, '127.0.0.1');
    await once(other, 'listening');
    other.close();
    assert.deepEqual(list.takeAll(), []);
    useNodeSockets();
  });
});

function pick({ address, port }: TransportAddress): TransportAddress {
  return { address, port };
}
