import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * UDP ports of 127.0.0.1 that were free a moment ago, all different. Another process may still take one: programs that
 * are given such a port are started again when they fail to bind it.
 */
export async function freeUdpPorts(count: number): Promise<number[]> {
  const sockets = Array.from({ length: count }, () => createSocket('udp4'));
  try {
    return await Promise.all(
      sockets.map(async (socket) => {
        socket.bind(0, '127.0.0.1');
        await once(socket, 'listening');
        return socket.address().port;
      }),
    );
  } finally {
    for (const socket of sockets) socket.close();
  }
}

/** A run of `count` UDP ports that were free on all addresses a moment ago, beginning with an even one. */
export async function freeUdpRange(count: number): Promise<{ first: number; last: number }> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    // Below the ephemeral range, where every other socket of this machine is bound.
    const first = 10_000 + 2 * Math.floor(Math.random() * ((32_000 - 10_000 - count) / 2));
    if (await allFree(first, count)) return { first, last: first + count - 1 };
  }
  throw new Error(`no ${count} consecutive free UDP ports`);
}

/** A port for SIP, free for UDP and TCP a moment ago and outside of `range`. Outgoing connections of others never take it. */
export async function freeSipPort(range: { first: number; last: number }): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const { first: port } = await freeUdpRange(1);
    if ((port < range.first || port > range.last) && (await isFreeForTcp(port))) return port;
  }
  throw new Error('no free port for SIP');
}

function isFreeForTcp(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

async function allFree(first: number, count: number): Promise<boolean> {
  const sockets = Array.from({ length: count }, () => createSocket('udp4'));
  const bound = await Promise.all(
    sockets.map(
      (socket, i) =>
        new Promise<boolean>((resolve) => {
          socket.once('error', () => resolve(false));
          socket.bind(first + i, '0.0.0.0', () => resolve(true));
        }),
    ),
  );
  for (const socket of sockets) socket.close();
  return bound.every(Boolean);
}
