import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { TickClock } from '../clock.ts';
import { writeTelephoneEvent } from '../dtmf-event.ts';
import { encodeMulaw } from '../g711.ts';
import type { PhoneMedia } from '../media-engine.ts';
import { phoneMedia } from '../phone-media.fixture.ts';
import type { CallEvent } from '../protocol.ts';
import { newRtpHeader, parseRtp, type RtpFields, type RtpHeader, writeRtp } from '../rtp.ts';
import { Call } from './call.ts';
import { Room } from './room.ts';

/** A packet as the phone got it. */
export interface PhonePacket {
  readonly header: RtpHeader;
  readonly payload: Buffer;
  readonly datagram: Buffer;
}

/** A call without a bridge, on a clock that the test moves, and its phone's sockets on loopback. */
export interface PhoneStage {
  readonly call: Call;
  readonly events: CallEvent[];
  readonly phone: Socket;
  /** `ticks` times 20 ms pass. */
  pass(ticks?: number): void;
  connect(changes?: Partial<PhoneMedia>): void;
  /** Sends and waits until the call has counted all of it. */
  send(...packets: readonly Buffer[]): Promise<void>;
  /** Lets `ticks` pass and collects as many packets as come out of it: one a tick. */
  hear(ticks: number, packets?: number): Promise<PhonePacket[]>;
}

const certificate = {
  certPem: '',
  keyPem: '',
  signatureHash: { hash: 4, signature: 3 },
  fingerprint: '',
} as const;

export async function phoneStage(t: TestContext): Promise<PhoneStage> {
  const events: CallEvent[] = [];
  let now = 0;
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
    now: () => now,
    onEvent: (event) => events.push(event),
    onError: (error) => assert.fail(String(error)),
  });
  room.enter(call);
  const phone = await open(t);
  const rtpPort = await bind(call);
  t.after(() => call.close());
  const pass = (ticks = 1): void => {
    for (let tick = 0; tick < ticks; tick += 1) {
      now += 20;
      call.tickUplink(now);
      room.tick(now);
    }
  };
  return {
    call,
    events,
    phone,
    pass,
    connect: (changes = {}) => call.connectPhone(phoneMedia(phone.address().port, changes)),
    async send(...packets) {
      const wanted = counted(call) + packets.length;
      for (const packet of packets) phone.send(packet, rtpPort, '127.0.0.1');
      while (counted(call) < wanted) await new Promise((resolve) => setImmediate(resolve));
    },
    async hear(ticks, count = ticks) {
      const packets: Buffer[] = [];
      const { promise, resolve } = Promise.withResolvers<void>();
      const listen = (datagram: Buffer): void => {
        packets.push(datagram);
        if (packets.length === count) resolve();
      };
      phone.on('message', listen);
      pass(ticks);
      await promise;
      phone.off('message', listen);
      return packets.map(readPacket);
    },
  };
}

/** An RTP packet of the phone. */
export function phonePacket(fields: Partial<RtpFields>, payload: Buffer): Buffer {
  const packet = Buffer.alloc(12 + payload.length);
  writeRtp(packet, {
    marker: false,
    payloadType: 0,
    sequence: 0,
    timestamp: 0,
    ssrc: 7,
    audioLevel: -1,
    voice: false,
    ...fields,
  });
  payload.copy(packet, 12);
  return packet;
}

/** A key of 100 ms, as packets with the numbers from `sequence` on. */
export function key(code: number, sequence: number, timestamp: number, payloadType = 101): Buffer[] {
  return [1, 2, 3, 4, 5, 5, 5].map((step, index) => {
    const payload = Buffer.alloc(4);
    writeTelephoneEvent(payload, 0, { code, end: index >= 4, volume: 10, duration: step * 160 });
    return phonePacket({ payloadType, sequence: sequence + index, timestamp, marker: index === 0 }, payload);
  });
}

const voice = Buffer.alloc(160);
encodeMulaw(
  Int16Array.from({ length: 160 }, (_, at) => 8000 * Math.sin((2 * Math.PI * 400 * at) / 8000)),
  voice,
  0,
);

/** 400 Hz in packets of 20 ms. */
export const speech = (from: number, to: number, timestamp: number): Buffer[] =>
  Array.from({ length: to - from }, (_, index) =>
    phonePacket({ sequence: from + index, timestamp: timestamp + index * 160 }, voice),
  );

/** A WAVE file with a tone at −9 dBov, 48 kHz. */
export async function tonePath(directory: string, hertz: number, seconds: number): Promise<string> {
  const path = join(directory, `${hertz}-${seconds}.wav`);
  const samples = Int16Array.from({ length: seconds * 48_000 }, (_, at) =>
    Math.round(12_000 * Math.cos((2 * Math.PI * hertz * at) / 48_000)),
  );
  await writeFile(path, wavOf(48_000, 1, samples));
  return path;
}

/** 16-bit PCM as WAVE; the samples of the channels by turns. */
export function wavOf(rate: number, channels: number, samples: Int16Array): Buffer {
  const head = Buffer.alloc(44);
  head.write('RIFF\0\0\0\0WAVEfmt ', 0, 'latin1');
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(channels, 22);
  head.writeUInt32LE(rate, 24);
  head.writeUInt16LE(16, 34);
  head.write('data', 36, 'latin1');
  head.writeUInt32LE(samples.byteLength, 40);
  return Buffer.concat([head, Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)]);
}

export function readPacket(datagram: Buffer): PhonePacket {
  const header = newRtpHeader();
  assert.ok(parseRtp(datagram, header));
  return { header, payload: datagram.subarray(header.payloadStart, header.payloadEnd), datagram };
}

export async function bind(call: Pick<Call, 'bindPhone'>): Promise<number> {
  for (;;) {
    const probe = createSocket('udp4').bind(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address();
    probe.close();
    await once(probe, 'close');
    if (port % 2 === 0 && (await call.bindPhone(port, port + 1)).ok) return port;
  }
}

export async function open(t: TestContext): Promise<Socket> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.after(() => socket.close());
  return socket;
}

function counted(call: Call): number {
  const { packetsReceived, dropped } = call.statistics().phone;
  return Object.values(dropped).reduce((sum, count) => sum + count, packetsReceived);
}
