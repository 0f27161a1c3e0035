import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { TcpConnection, type TcpTimes } from './tcp-connection.ts';

async function pair(context: TestContext): Promise<{ near: Socket; far: Socket }> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const accepted = once(server, 'connection');
  const near = connect(address.port, '127.0.0.1');
  const [far] = (await accepted) as [Socket];
  far.on('error', () => {});
  context.after(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  return { near, far };
}

function connection(socket: Socket, ours: boolean, times: Partial<TcpTimes>): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const longest = 3_600_000;
  new TcpConnection(
    socket,
    ours,
    10_000,
    { halfOpenMs: longest, idleMs: longest, pingMs: longest, ...times },
    { onMessage: () => {}, onFault: () => {}, onClose: () => resolve() },
  );
  return promise;
}

test('a connection of ours that is silent gets a keep-alive, so that a NAT on the way does not forget it', async (context) => {
  const { near, far } = await pair(context);
  void connection(near, true, { pingMs: 20 });
  const [bytes] = await once(far, 'data');
  assert.match(String(bytes), /^(\r\n\r\n)+$/);
});

test('a peer that connects and says nothing is cut off', async (context) => {
  const { near, far } = await pair(context);
  const closed = connection(near, false, { halfOpenMs: 20 });
  await once(far, 'close');
  await closed;
});

test('a peer that begins a message and does not end it is cut off', async (context) => {
  const { near, far } = await pair(context);
  const closed = connection(near, true, { halfOpenMs: 20 });
  far.write('OPTIONS sip:');
  await closed;
});
