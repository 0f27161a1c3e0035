import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../../src/log.ts';
import { silentLog } from '../../src/log.ts';
import { MediaPool } from '../../src/media/pool.ts';
import { parseRtcp, rtcpLength, writeRtcp } from '../../src/media/rtcp.ts';
import { newRtpHeader, parseRtp } from '../../src/media/rtp.ts';
import { seededRandom } from '../kit/random.ts';
import { udpType } from '../kit/udp-type.ts';
import { type LiveCall, liveCall, refused } from './media-stage.ts';
import { Mutation } from './mutation.ts';

export interface MediaFuzzReport {
  readonly seed: number;
  readonly sent: number;
  /** Of those, by who seemed to send them. */
  readonly strangers: number;
  readonly refused: ReadonlyMap<string, number>;
  /** Datagrams that strangers got from the engine. */
  readonly caught: number;
  /** Sequence numbers that a phone, or a bridge, never got; and those that the bridge could not decipher. */
  readonly gaps: number;
  /** RTP that passed meanwhile: to the phones, and to the bridges. */
  readonly passed: { readonly phones: number; readonly bridges: number };
  readonly complaints: readonly string[];
}

type Way = 'stranger' | 'phone' | 'phone-rtcp' | 'bridge';

/** The calls of each family; of the second one the phone is encrypted. */
const calls = 2;
const families = [
  { address: '127.0.0.1', minPort: 32_000, maxPort: 35_999 },
  { address: '::1', minPort: 36_000, maxPort: 39_999 },
] as const;
/** So many are sent before their counters are awaited: what a socket's buffer holds, even of a process that does not run. */
const batch = 60;
const longest = 1500;
const countedWithinMs = 20_000;
const binaryPieces = [
  '\0',
  '\xff',
  '\x80',
  '\0\0',
  '\xff\xff',
  '\xbe\xde',
  '\x21\x12\xa4\x42',
  '\x80\xc8',
  '\x81\xcb',
  '\x16\xfe\xfd',
];

/**
 * Calls over IPv4 and IPv6, half of them with an encrypted phone, talk both ways while random and damaged datagrams come to each of their ports: copies of what passed on the
 * wire (STUN, DTLS, SRTP), RTP and RTCP, from strangers and from the addresses that were signalled. Every one of them must be refused with a reason, and nobody may miss a packet.
 */
export async function fuzzMedia(seed: number, ms: number, atLeast = 0): Promise<MediaFuzzReport> {
  const complaints: string[] = [];
  const engines: MediaPool[] = [];
  const live: LiveCall[] = [];
  for (const family of families) {
    const config = { ...family, publicAddress: undefined, stunServer: undefined, workers: 1 };
    const engine = new MediaPool({ config, log: complainingLog(complaints) });
    engines.push(engine);
    await engine.start();
    for (let n = 0; n < calls; n += 1) {
      live.push(await liveCall(engine, `fuzz-${n}`, family.address, n % 2 === 1));
    }
  }
  const forger = await Forger.open(seed, live);
  for (const { phone, bridge } of live) {
    phone.recording.clear();
    bridge.takeReception();
  }
  const before = await refusedBy(live);
  const end = performance.now() + ms;
  while (performance.now() < end || forger.sent < atLeast) {
    await forger.send(batch);
    if (!(await isCounted(live, total(before) + forger.sent))) break;
  }
  const counts = await refusedBy(live);
  for (const [reason, count] of before) counts.set(reason, (counts.get(reason) ?? 0) - count);
  if (total(counts) !== forger.sent) complaints.push(`${forger.sent} were sent, ${total(counts)} refused`);
  for (const { ends } of live) complaints.push(...ends);
  const report = {
    seed,
    sent: forger.sent,
    strangers: forger.strangers,
    refused: counts,
    caught: forger.caught,
    complaints,
    ...heard(live, complaints),
  };
  forger.close();
  for (const one of live) await one.close();
  for (const engine of engines) await engine.stop();
  return report;
}

/** What the ends got since they began to count. */
function heard(live: readonly LiveCall[], complaints: string[]): Pick<MediaFuzzReport, 'gaps' | 'passed'> {
  let gaps = 0;
  const passed = { phones: 0, bridges: 0 };
  for (const { address, phone, bridge } of live) {
    const { packets } = phone.recording;
    for (const [n, { sequence }] of packets.entries()) {
      const before = packets[n - 1];
      if (before !== undefined && sequence !== ((before.sequence + 1) & 0xffff)) gaps += 1;
    }
    const { missing, undecipherable, packets: toBridge } = bridge.takeReception();
    gaps += missing + undecipherable + phone.undecipherable;
    if (packets.length === 0 || toBridge === 0) complaints.push(`a call on ${address} was silent`);
    passed.phones += packets.length;
    passed.bridges += toBridge;
  }
  return { gaps, passed };
}

async function refusedBy(live: readonly LiveCall[]): Promise<Map<string, number>> {
  const sum = new Map<string, number>();
  for (const { call } of live) {
    for (const [reason, count] of refused(await call.statistics()))
      sum.set(reason, (sum.get(reason) ?? 0) + count);
  }
  return sum;
}

function total(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

async function isCounted(live: readonly LiveCall[], wanted: number): Promise<boolean> {
  const end = performance.now() + countedWithinMs;
  while (total(await refusedBy(live)) < wanted) {
    if (performance.now() > end) return false;
    await delay(5);
  }
  return true;
}

function complainingLog(complaints: string[]): Log {
  const complain = (context: unknown, message?: string) =>
    complaints.push(`${message}: ${JSON.stringify(context)}`);
  return Object.assign(Object.create(silentLog), { error: complain, fatal: complain });
}

async function socketAt(address: string): Promise<Socket> {
  const socket = createSocket(udpType(address)).bind(0, address);
  await once(socket, 'listening');
  return socket;
}

/** Makes bad datagrams of good ones, the same for the same seed but for what the calls drew at random, and sends them. */
class Forger {
  sent = 0;
  strangers = 0;
  caught = 0;
  readonly #mutation: Mutation;
  readonly #live: readonly LiveCall[];
  /** By the address that they send to. */
  readonly #strangers: ReadonlyMap<string, Socket>;
  readonly #peers: ReadonlyMap<string, Socket>;
  readonly #header = newRtpHeader();

  private constructor(
    seed: number,
    live: readonly LiveCall[],
    strangers: ReadonlyMap<string, Socket>,
    peers: ReadonlyMap<string, Socket>,
  ) {
    this.#mutation = new Mutation(seededRandom(seed), binaryPieces);
    this.#live = live;
    this.#strangers = strangers;
    this.#peers = peers;
    for (const stranger of strangers.values()) {
      stranger.on('message', () => {
        this.caught += 1;
      });
    }
  }

  static async open(seed: number, live: readonly LiveCall[]): Promise<Forger> {
    const strangers = new Map([
      ['127.0.0.1', await socketAt('127.0.0.2')],
      ['::1', await socketAt('::1')],
    ]);
    const peers = new Map([
      ['127.0.0.1', await socketAt('127.0.0.1')],
      ['::1', await socketAt('::1')],
    ]);
    return new Forger(seed, live, strangers, peers);
  }

  async send(count: number): Promise<void> {
    for (let n = 0; n < count; n += 1) {
      const call = this.#mutation.pick(this.#live);
      const way = this.#mutation.pick<Way>(['stranger', 'phone', 'phone-rtcp', 'bridge']);
      const datagram = this.#make(call);
      if (!this.#isBad(datagram, way, call)) continue;
      this.#sendBy(way, datagram, call);
      this.sent += 1;
    }
    await delay(1);
  }

  close(): void {
    for (const socket of [...this.#strangers.values(), ...this.#peers.values()]) socket.close();
  }

  /** Loopback has one IPv6 address only: at the phone's ports it is the phone who sends from there. */
  #sendBy(way: Way, datagram: Buffer, call: LiveCall): void {
    const { address, phone, bridge, rtpPort, rtcpPort, icePort } = call;
    if (way === 'phone') phone.sendRaw(datagram);
    else if (way === 'bridge') bridge.sendRaw(datagram);
    else if (way === 'phone-rtcp') this.#peers.get(address)?.send(datagram, rtcpPort, address);
    else {
      this.strangers += 1;
      const ports = address === '::1' ? [icePort] : [rtpPort, rtcpPort, icePort];
      this.#strangers.get(address)?.send(datagram, this.#mutation.pick(ports), address);
    }
  }

  #make(call: LiveCall): Buffer {
    const seeds = [this.#mutation.pick(call.seeds), this.#rtp(call), this.#rtcp(call)];
    const chosen = this.#mutation.below(4);
    if (chosen === 3)
      return Buffer.from(
        Array.from({ length: this.#mutation.below(300) + 1 }, () => this.#mutation.below(256)),
      );
    const seed = chosen === 0 ? (seeds[0] as Buffer) : (seeds[chosen] as Buffer);
    // One in eight is a replay: nothing is wrong with it but who sends it, or when.
    if (this.#mutation.below(8) === 0) return seed;
    return this.#mutation.damage(seed, this.#mutation.pick(seeds)).subarray(0, longest);
  }

  /** Nothing protects plain RTP and RTCP from the very address of the phone: what is well formed there is the phone's. */
  #isBad(datagram: Buffer, way: Way, { phone, isSecure, seeds }: LiveCall): boolean {
    if (isSecure && way.startsWith('phone')) return true;
    if (way === 'phone') return !parseRtp(datagram, this.#header, 0) || this.#header.ssrc !== phone.ssrc;
    if (way === 'phone-rtcp') return parseRtcp(datagram) === undefined;
    // An answer or a check that is the bridge's own word for word is no forgery.
    return (
      way === 'stranger' || !((datagram[0] as number) < 4 && seeds.some((seed) => seed.equals(datagram)))
    );
  }

  #rtp({ phone }: LiveCall): Buffer {
    const packet = Buffer.alloc(172, 0x7e);
    packet[0] = 0x80;
    packet[1] = this.#mutation.pick([0, 8, 101, 111]);
    packet.writeUInt16BE(this.#mutation.below(65_536), 2);
    packet.writeUInt32BE(this.#mutation.pick([phone.ssrc, 1001, 7]), 8);
    return packet;
  }

  #rtcp({ phone }: LiveCall): Buffer {
    const block = {
      ssrc: 2,
      fractionLost: 1,
      cumulativeLost: 3,
      highestSequence: 4,
      jitter: 5,
      lastSenderReport: 6,
      delaySinceLast: 7,
    };
    const packet = Buffer.alloc(rtcpLength(1));
    const goodbye = this.#mutation.below(2) === 0;
    return packet.subarray(
      0,
      writeRtcp(packet, { ssrc: phone.ssrc, cname: 'someone@here', blocks: [block], goodbye }),
    );
  }
}
