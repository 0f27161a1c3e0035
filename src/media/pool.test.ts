import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import type { Worker } from 'node:worker_threads';
import type { MediaConfig } from '../config/config.ts';
import { silentLog } from '../log.ts';
import type { BridgeOffer, MediaCall } from './media-engine.ts';
import { MediaPool } from './pool.ts';
import { bindingRequest, bindingSuccess, parseStun, serializeStun } from './worker/stun.ts';

/** A pool on loopback and the worker threads that it starts. */
async function stage(t: TestContext, changes: Partial<MediaConfig> = {}) {
  const workers: Worker[] = [];
  const note = (worker: Worker) => workers.push(worker);
  process.on('worker', note);
  t.after(() => process.off('worker', note));
  const pool = new MediaPool({
    config: {
      minPort: 10_000,
      maxPort: 31_999,
      address: '127.0.0.1',
      publicAddress: undefined,
      stunServer: undefined,
      workers: 1,
      ...changes,
    },
    log: silentLog,
  });
  await pool.start();
  t.after(() => pool.stop());
  return { pool, workers };
}

async function openCall(pool: MediaPool, room: string): Promise<MediaCall> {
  const opened = await pool.open(`call in ${room}`, room);
  assert.ok(opened.ok, JSON.stringify(opened));
  return opened.value;
}

async function bind(port: number): Promise<Socket> {
  const socket = createSocket('udp4').bind(port, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

/** Ports that were free a moment ago: `first` is even. */
async function freeRange(count: number): Promise<number> {
  for (;;) {
    const first = 10_000 + 2 * Math.floor(Math.random() * 10_000);
    const ports = Array.from({ length: count }, (_, index) => first + index);
    const bound = await Promise.allSettled(ports.map(bind));
    const sockets = bound.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    await Promise.all(sockets.map((socket) => once(socket.close(), 'close')));
    if (sockets.length === count) return first;
  }
}

const offer: BridgeOffer = {
  transport: {
    ufrag: 'them',
    pwd: 'their-password-of-22-chr',
    candidates: [{ foundation: '1', priority: 1, address: '127.0.0.1', port: 9, type: 'host' }],
  },
  fingerprint: { hash: 'sha-256', value: Array(32).fill('00').join(':'), setup: 'actpass' },
  opusPayloadType: 111,
  telephoneEventPayloadType: undefined,
  audioLevelId: undefined,
  sources: [],
};

test('a call gets an even port and the next one for the phone, and a candidate for the bridge', async (t) => {
  const { pool } = await stage(t);
  const call = await openCall(pool, 'room');
  const ports = await call.openPhone();
  assert.ok(ports.ok);
  assert.equal(ports.value.rtpPort % 2, 0);
  assert.equal(ports.value.rtcpPort, ports.value.rtpPort + 1);
  assert.deepEqual(await call.openPhone(), ports, 'asking again changes nothing');
  const answer = await call.connectBridge(offer);
  assert.ok(answer.ok, JSON.stringify(answer));
  const { transport, fingerprint } = answer.value;
  assert.deepEqual(
    transport.candidates.map(({ address, type }) => [address, type]),
    [['127.0.0.1', 'host']],
  );
  assert.match(fingerprint.value, /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  assert.equal(fingerprint.setup, 'active');
  assert.equal(pool.usage.ports, 3);
});

test('an offer without a strong fingerprint is refused', async (t) => {
  const { pool } = await stage(t);
  const call = await openCall(pool, 'room');
  const answer = await call.connectBridge({ ...offer, fingerprint: { ...offer.fingerprint, hash: 'sha-1' } });
  assert.equal(answer.ok === false && answer.error.code, 'dtls-failed');
  assert.equal(pool.usage.ports, 0);
});

test('a STUN server and a public address are told to the bridge as further candidates', async (t) => {
  const server = await bind(0);
  t.after(() => server.close());
  server.on('message', (datagram, from) => {
    const request = parseStun(datagram);
    if (request?.type !== bindingRequest) return;
    const { transactionId } = request;
    const mappedAddress = { address: '203.0.113.5', port: 4242 };
    server.send(
      serializeStun({ type: bindingSuccess, transactionId, mappedAddress }),
      from.port,
      from.address,
    );
  });
  const stunServer = `127.0.0.1:${server.address().port}`;
  const { pool } = await stage(t, { stunServer, publicAddress: '203.0.113.4' });
  const answer = await (await openCall(pool, 'room')).connectBridge(offer);
  assert.ok(answer.ok);
  assert.deepEqual(
    answer.value.transport.candidates.slice(1).map(({ address, type }) => [address, type]),
    [
      ['203.0.113.4', 'srflx'],
      ['203.0.113.5', 'srflx'],
    ],
  );
});

test('ports of another program are passed over; a range that is used up refuses the call and no other', async (t) => {
  const first = await freeRange(6);
  const foreign = await bind(first + 1);
  t.after(() => foreign.close());
  const { pool } = await stage(t, { minPort: first, maxPort: first + 5 });
  const calls = [await openCall(pool, 'a'), await openCall(pool, 'b')];
  for (const call of calls) assert.ok((await call.openPhone()).ok);
  assert.ok((await calls[0]?.connectBridge(offer))?.ok);
  const refused = await openCall(pool, 'c');
  const phone = await refused.openPhone();
  assert.equal(phone.ok === false && phone.error.code, 'ports-exhausted');
  await calls[1]?.close();
  assert.ok((await refused.openPhone()).ok, 'with the ports of a call that ended');
});

test('a new session of the bridge gets a new port, and the old one is free again', async (t) => {
  const { pool } = await stage(t);
  const call = await openCall(pool, 'room');
  const ports = new Set<number | undefined>();
  for (let session = 0; session < 4; session += 1) {
    const answer = await call.connectBridge(offer);
    assert.ok(answer.ok);
    ports.add(answer.value.transport.candidates[0]?.port);
    assert.equal(pool.usage.ports, 1, 'one port for each session');
  }
  assert.equal(ports.size, 4);
});

test('closing a call frees its ports, in our books and in the kernel', async (t) => {
  const { pool } = await stage(t);
  const call = await openCall(pool, 'room');
  const ports = await call.openPhone();
  assert.ok(ports.ok);
  await call.connectBridge(offer);
  await call.close();
  assert.deepEqual(pool.usage, { calls: 0, ports: 0 });
  for (const port of Object.values(ports.value)) (await bind(port)).close();
  assert.deepEqual((await call.statistics()).sources, [], 'a closed call answers still');
});

test('a worker that dies takes only its calls with it, and is replaced', async (t) => {
  const { pool, workers } = await stage(t, { workers: 2 });
  const [first, sibling, other] = [
    await openCall(pool, 'one'),
    await openCall(pool, 'one'),
    await openCall(pool, 'two'),
  ];
  await first.openPhone();
  const failed = Promise.all([once(first, 'failed'), once(sibling, 'failed')]);
  await workers[0]?.terminate();
  assert.deepEqual(
    (await failed).map(([why]) => why.code),
    ['worker-lost', 'worker-lost'],
    'calls of one room are on one worker',
  );
  assert.ok((await other.openPhone()).ok, 'the other room does not notice');
  assert.equal(pool.usage.calls, 1);
  assert.equal((await first.openPhone()).ok, false);
  while (workers.length < 3) await once(process, 'worker');
  const again = await openCall(pool, 'one');
  assert.ok((await again.openPhone()).ok);
});

test('after stop nothing is left: calls refused, ports free, threads gone', async (t) => {
  const { pool, workers } = await stage(t, { workers: 2 });
  const call = await openCall(pool, 'room');
  const ports = await call.openPhone();
  assert.ok(ports.ok);
  const exits = workers.map((worker) => once(worker, 'exit'));
  await pool.stop();
  await Promise.all(exits);
  (await bind(ports.value.rtpPort)).close();
  const refused = await pool.open('late', 'room');
  assert.equal(refused.ok === false && refused.error.code, 'over-capacity');
});
