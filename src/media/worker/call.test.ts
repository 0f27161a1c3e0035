import assert from 'node:assert/strict';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { TickClock } from '../clock.ts';
import { phoneMedia } from '../phone-media.fixture.ts';
import type { CallEvent } from '../protocol.ts';
import { newRtpHeader, parseRtp, writeRtp } from '../rtp.ts';
import { Call } from './call.ts';
import { loadOpus } from './opus.ts';
import { Room } from './room.ts';

const certificate = {
  certPem: '',
  keyPem: '',
  signatureHash: { hash: 4, signature: 3 },
  fingerprint: '',
} as const;

/** A call without a bridge, on a clock that the test moves, and UDP sockets on loopback. */
async function stage(t: TestContext) {
  const events: CallEvent[] = [];
  const errors: unknown[] = [];
  const time = {
    now: 0,
    throws: false,
    /** One tick, `ms` later. */
    pass(ms: number) {
      time.now += ms;
      call.tickUplink(time.now);
      room.tick(time.now);
    },
  };
  // Its timers never fire: the test ticks.
  const clock = new TickClock(assert.ifError, {
    now: () => 0,
    setTimer: () => 0,
    setImmediate: () => 0,
    clearTimer: () => {},
  });
  const room = new Room(clock, assert.ifError);
  const call = new Call({
    room: room.sources,
    settings: { address: '127.0.0.1', publicAddress: undefined, stunServer: undefined },
    certificate,
    now: () => {
      if (time.throws) throw new Error('a bug');
      return time.now;
    },
    onEvent: (event) => events.push(event),
    onError: (error) => errors.push(error),
  });
  room.enter(call);
  const rtpPort = await freePort();
  const bound = await call.bindPhone(rtpPort, rtpPort + 1);
  assert.ok(bound.ok, JSON.stringify(bound));
  t.after(() => call.close());
  const phone = await open(t, '127.0.0.1');
  return { call, events, errors, time, rtpPort, phone };
}

async function freePort(): Promise<number> {
  for (;;) {
    const probe = createSocket('udp4').bind(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address();
    probe.close();
    await once(probe, 'close');
    if (port % 2 === 0) return port;
  }
}

async function open(t: TestContext, address: string): Promise<Socket> {
  const socket = createSocket('udp4').bind(0, address);
  await once(socket, 'listening');
  t.after(() => socket.close());
  return socket;
}

function rtp(sequence: number, { ssrc = 7, payloadType = 0 } = {}): Buffer {
  const packet = Buffer.alloc(172, 0x20);
  const fields = { marker: false, payloadType, sequence, timestamp: sequence * 160, ssrc };
  writeRtp(packet, { ...fields, audioLevel: -1, voice: false });
  return packet;
}

/** Sends and waits until the call has counted it, wherever. */
async function send(call: Call, from: Socket, port: number, packets: readonly Buffer[]): Promise<void> {
  const wanted = counted(call) + packets.length;
  for (const packet of packets) from.send(packet, port, '127.0.0.1');
  while (counted(call) < wanted) await new Promise((resolve) => setImmediate(resolve));
}

function counted(call: Call): number {
  const { packetsReceived, dropped } = call.statistics().phone;
  return Object.values(dropped).reduce((sum, count) => sum + count, packetsReceived);
}

async function hear(socket: Socket, count: number, work: () => void): Promise<Buffer[]> {
  const packets: Buffer[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const listen = (datagram: Buffer, _from: RemoteInfo) => {
    packets.push(datagram);
    if (packets.length === count) resolve();
  };
  socket.on('message', listen);
  work();
  await promise;
  socket.off('message', listen);
  return packets;
}

test('the phone gets packets of the length that it asked for, with times that fit', async (t) => {
  await loadOpus();
  const { call, phone, time } = await stage(t);
  const cases = [
    { codec: 'PCMU', ptimeMs: 10, ticks: 80, bytes: 80 },
    { codec: 'PCMA', ptimeMs: 30, ticks: 240, bytes: 240 },
    { codec: 'G722', ptimeMs: 60, ticks: 480, bytes: 480 },
    { codec: 'opus', ptimeMs: 40, ticks: 1920, bytes: undefined },
  ] as const;
  for (const { codec, ptimeMs, ticks, bytes } of cases) {
    call.connectPhone(phoneMedia(phone.address().port, { codec, ptimeMs }));
    await new Promise((resolve) => setImmediate(resolve));
    const packets = await hear(phone, 4, () => {
      for (let tick = 0; tick < 12; tick += 1) time.pass(20);
    });
    const [first, second] = packets.slice(-2).map((packet) => {
      const header = newRtpHeader();
      assert.ok(parseRtp(packet, header));
      return header;
    });
    assert.ok(first && second);
    assert.equal(second.timestamp - first.timestamp, ticks, codec);
    assert.equal((second.sequence - first.sequence) & 0xffff, 1, codec);
    if (bytes !== undefined) assert.equal(second.payloadEnd - second.payloadStart, bytes, codec);
  }
});

test('a sprayer on the port never gets media and never breaks it', async (t) => {
  const { call, phone, rtpPort, time, events } = await stage(t);
  call.connectPhone(phoneMedia(phone.address().port));
  await send(call, phone, rtpPort, [rtp(1), rtp(2)]);
  const sprayer = await open(t, '127.0.0.9');
  let sprayed = 0;
  sprayer.on('message', () => {
    sprayed += 1;
  });
  const noise = Array.from({ length: 50 }, (_, index) => rtp(index, { ssrc: 66 }));
  await send(call, sprayer, rtpPort, noise);
  await hear(phone, 5, () => {
    for (let tick = 0; tick < 5; tick += 1) time.pass(20);
  });
  assert.equal(sprayed, 0);
  assert.deepEqual(call.statistics().phone.dropped, { 'source-address': 50 });
  assert.deepEqual(events, [{ name: 'phone-heard' }]);
});

test('a phone behind a NAT is found once; a new agreement looks for it again', async (t) => {
  const { call, phone, rtpPort, time } = await stage(t);
  call.connectPhone(phoneMedia(9, { remote: { address: '10.255.255.1', port: 9, rtcpPort: 10 } }));
  await send(
    call,
    phone,
    rtpPort,
    [1, 2, 3, 4].map((sequence) => rtp(sequence)),
  );
  await hear(phone, 1, () => time.pass(20));
  const moved = await open(t, '127.0.0.5');
  call.connectPhone(
    phoneMedia(moved.address().port, {
      remote: { address: '127.0.0.5', port: moved.address().port, rtcpPort: 1 },
    }),
  );
  await hear(moved, 1, () => time.pass(20));
});

test('what is not the phone’s audio is counted by reason', async (t) => {
  const { call, phone, rtpPort } = await stage(t);
  await send(call, phone, rtpPort, [rtp(1)]);
  call.connectPhone(phoneMedia(phone.address().port));
  await send(call, phone, rtpPort, [
    rtp(1, { payloadType: 18 }),
    Buffer.from('hello'),
    Buffer.alloc(0),
    rtp(2),
  ]);
  await send(call, phone, rtpPort, [rtp(3, { payloadType: 101 })]);
  const { dropped, packetsReceived } = call.statistics().phone;
  assert.deepEqual(dropped, { early: 1, payload: 1, malformed: 2 });
  assert.equal(packetsReceived, 2, 'audio and a telephone-event');
});

test('a phone that sends nothing is noticed after 30 s at first, 60 s later, and not while it is held', async (t) => {
  const { call, phone, rtpPort, time, events } = await stage(t);
  const wait = (seconds: number) => {
    for (let passed = 0; passed < seconds; passed += 1) time.pass(1000);
  };
  const silences = () => events.filter(({ name }) => name === 'phone-silent').length;
  call.connectPhone(phoneMedia(phone.address().port, { direction: 'inactive' }));
  wait(100);
  assert.equal(silences(), 0);
  call.connectPhone(phoneMedia(phone.address().port));
  wait(29);
  assert.equal(silences(), 0);
  wait(2);
  assert.equal(silences(), 1);
  await send(call, phone, rtpPort, [rtp(1)]);
  wait(59);
  assert.equal(silences(), 1);
  wait(2);
  assert.equal(silences(), 2);
});

test('an exception in the media of a call ends the call, says so, and frees its ports', async (t) => {
  const { call, phone, rtpPort, time, events, errors } = await stage(t);
  call.connectPhone(phoneMedia(phone.address().port));
  time.throws = true;
  phone.send(rtp(1), rtpPort, '127.0.0.1');
  while (events.length === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(events[0]?.name, 'failed');
  assert.ok(errors.length > 0);
  const again = createSocket('udp4').bind(rtpPort, '127.0.0.1');
  await once(again, 'listening');
  again.close();
});
