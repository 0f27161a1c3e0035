import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { HeardLeg } from '../../kit/light-bridge-protocol.ts';
import { compose, parseRaw, sdp, token, value } from '../../kit/raw-sip.ts';
import { type LoadCall, LoadStage } from '../load-stage.ts';
import { type LoadPoint, measurePoint } from '../many-calls.ts';
import { percentile, rounded } from '../percentiles.ts';

export interface FloodReport {
  readonly invites: number;
  readonly perSecond: number;
  readonly calls: number;
  /** OPTIONS of the trunk to their answers, beside the flood. */
  readonly questions: number;
  readonly unanswered: number;
  readonly signallingP99Ms: number;
  /** Packets missing and pauses of more than 60 ms, of all calls both ways: during the flood, and for as long before it. */
  readonly mediaGaps: number;
  readonly calmMediaGaps: number;
  /** Of those during the flood, what the phones missed; the rest was missed in the rooms. */
  readonly gapsAtPhones: number;
  readonly packets: number;
}

const stranger = '127.94.0.1';
const perSecond = 500;
const calls = 10;
const floodedRoom = 'flooded';

/** A whole gateway with calls that talk, while one unknown source sends 500 INVITE a second. */
export async function measureFlood(seconds: number): Promise<FloodReport> {
  const stage = await LoadStage.start({ mediaPorts: calls * 4 + 20 });
  try {
    await stage.openRooms(calls);
    const running: LoadCall[] = [];
    while (running.length < calls) running.push(await stage.place(running.length));
    const calm = await measurePoint(stage, running, seconds, isRunning);
    const { sipPort } = stage.bench.gateway;
    const stop = new AbortController();
    const flood = sendFlood(sipPort, stop.signal);
    const asking = ask(sipPort, stop.signal);
    const point = await measurePoint(stage, running, seconds, isRunning);
    stop.abort();
    const [invites, answers] = await Promise.all([flood, asking]);
    for (const call of running) await stage.hangUp(call);
    return {
      ...{ invites, perSecond, calls },
      questions: answers.ms.length + answers.lost,
      unanswered: answers.lost,
      signallingP99Ms: answers.lost > 0 ? Number.MAX_SAFE_INTEGER : rounded(percentile(answers.ms, 0.99)),
      mediaGaps: gapsIn(point),
      calmMediaGaps: gapsIn(calm),
      gapsAtPhones: point.phones.missing + point.phones.pauses,
      packets: point.phones.packets + point.rooms.packets,
    };
  } finally {
    await stage.stop();
  }
}

/** The flood has a room of its own, where the few of its calls that are let in come and go. */
const isRunning = ({ room }: HeardLeg): boolean => !room.includes(floodedRoom);

function gapsIn({ phones, rooms }: LoadPoint): number {
  return phones.missing + phones.pauses + rooms.missing + rooms.pauses;
}

async function sendFlood(port: number, stop: AbortSignal): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, stranger);
  await once(socket, 'listening');
  const start = performance.now();
  let sent = 0;
  while (!stop.aborted) {
    const due = Math.floor(((performance.now() - start) * perSecond) / 1_000);
    for (; sent < due; sent += 1) socket.send(invite(port, socket.address().port), port, '127.0.0.1');
    await delay(2);
  }
  socket.close();
  return sent;
}

function invite(target: number, port: number): string {
  const headers: (readonly [string, string])[] = [
    ['Via', `SIP/2.0/UDP ${stranger}:${port};branch=z9hG4bK${token()}`],
    ['Max-Forwards', '70'],
    ['From', `<sip:mallory@${stranger}>;tag=${token()}`],
    ['To', `<sip:room@127.0.0.1:${target}>`],
    ['Call-ID', token()],
    ['CSeq', '1 INVITE'],
    ['Content-Type', 'application/sdp'],
    ['Contact', `<sip:mallory@${stranger}:${port}>`],
    ['Jitsi-Conference-Room', floodedRoom],
  ];
  return compose(`INVITE sip:room@127.0.0.1:${target} SIP/2.0`, headers, sdp(9, 'sendrecv', 1));
}

/** The trunk's OPTIONS, 50 a second, and how long each waited. */
async function ask(port: number, stop: AbortSignal): Promise<{ ms: number[]; lost: number }> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const waiting = new Map<string, number>();
  const ms: number[] = [];
  socket.on('message', (bytes) => {
    const callId = value(parseRaw(bytes.toString('latin1')), 'call-id') ?? '';
    const sentAt = waiting.get(callId);
    if (sentAt !== undefined && waiting.delete(callId)) ms.push(performance.now() - sentAt);
  });
  while (!stop.aborted) {
    const callId = token();
    const headers: (readonly [string, string])[] = [
      ['Via', `SIP/2.0/UDP 127.0.0.1:${socket.address().port};branch=z9hG4bK${callId}`],
      ['From', `<sip:100@127.0.0.1>;tag=${callId}`],
      ['To', '<sip:gateway@127.0.0.1>'],
      ['Call-ID', callId],
      ['CSeq', '1 OPTIONS'],
    ];
    waiting.set(callId, performance.now());
    socket.send(compose(`OPTIONS sip:127.0.0.1:${port} SIP/2.0`, headers, ''), port, '127.0.0.1');
    await delay(20);
  }
  await delay(1_000);
  socket.close();
  return { ms, lost: waiting.size };
}
