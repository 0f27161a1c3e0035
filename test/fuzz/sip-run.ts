import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type Socket as Connection, connect } from 'node:net';
import { type Log, silentLog } from '../../src/log.ts';
import type { SipCall } from '../../src/sip/engine.ts';
import { seededRandom } from '../kit/random.ts';
import { parseRaw, type RawMessage, status, value } from '../kit/raw-sip.ts';
import { quickTimes, startEngine, type TestEngine } from '../kit/sip-engine.ts';
import { someSdp } from '../kit/sip-peer.ts';
import { until } from '../kit/until.ts';
import { allowOnly } from './loopback-only.ts';
import { heapAfterCollection, Meter } from './meter.ts';
import { Mutation } from './mutation.ts';
import { answersTo, dialogMessages, type Ends, inviteText, tortureMessages } from './sip-seeds.ts';

export interface FuzzReport {
  readonly seed: number;
  readonly sent: number;
  readonly received: number;
  /** Calls that damaged or whole INVITEs made, and those that the engine placed. */
  readonly calls: number;
  /** What the engine wrote into its log as a bug: caught exceptions, with their stacks. Each text once. */
  readonly complaints: readonly string[];
  /** Time of the dearest message, of the average one, and the longest time as measured, milliseconds. */
  readonly dearestMs: number;
  readonly averageMs: number;
  readonly longestMs: number;
  readonly heapGrowthBytes: number;
  readonly counters: Readonly<Record<string, number>>;
}

const peerAddress = '127.91.0.1';
const batch = 32;
/** The first messages make the code and its tables warm; what they leave is no leak. */
const warmUp = 2_000;

/**
 * Damaged messages of RFC 4475, RFC 5118 and of live dialogs against a running engine, over UDP and TCP. The engine also places
 * calls and registers, and gets damaged answers. Rejects when the engine stops answering or does not come to rest.
 */
export async function fuzzSip(seed: number, messages: number): Promise<FuzzReport> {
  allowOnly([peerAddress, '127.0.0.1']);
  const run = await FuzzRun.start(seed);
  try {
    return await run.all(messages);
  } finally {
    await run.stop();
  }
}

class FuzzRun {
  readonly #seed: number;
  readonly #mutation: Mutation;
  readonly #gateway: TestEngine;
  readonly #peer: Socket;
  readonly #ends: Ends;
  readonly #torture = tortureMessages();
  /** Messages of live dialogs and answers to live requests; the latest. */
  #live: Buffer[] = [];
  readonly #complaints: ReadonlyMap<string, string>;
  readonly #meter = new Meter();
  readonly #open = new Set<SipCall>();
  #connection: Connection | undefined;
  #sent = 0;
  #calls = 0;
  #answered = new Set<string>();

  private constructor(seed: number, gateway: TestEngine, peer: Socket, complaints: Map<string, string>) {
    this.#seed = seed;
    this.#complaints = complaints;
    this.#mutation = new Mutation(seededRandom(seed));
    this.#gateway = gateway;
    this.#peer = peer;
    this.#ends = { peer: `${peerAddress}:${peer.address().port}`, gateway: `127.0.0.1:${gateway.port}` };
    // The kit's own listener would keep every call for a `nextCall` that never comes.
    gateway.engine.removeAllListeners('invite');
    gateway.engine.on('invite', (call) => this.#keep(call));
    peer.on('message', (bytes) => this.#heard(parseRaw(bytes.toString('latin1'))));
  }

  static async start(seed: number): Promise<FuzzRun> {
    const peer = createSocket({ type: 'udp4', recvBufferSize: 1_048_576 });
    peer.bind(0, peerAddress);
    await once(peer, 'listening');
    const unlimited = 1e9;
    const complaints = new Map<string, string>();
    const gateway = await startEngine({
      log: complaining(complaints),
      times: quickTimes,
      account: { server: peerAddress, port: peer.address().port },
      admission: {
        messagesPerSecond: unlimited,
        strangerMessagesPerSecond: unlimited,
        strangerCallsPerSecond: unlimited,
      },
    });
    return new FuzzRun(seed, gateway, peer, complaints);
  }

  async all(messages: number): Promise<FuzzReport> {
    await this.#messages(Math.min(warmUp, messages));
    await this.#rest();
    this.#meter.start();
    const before = heapAfterCollection();
    await this.#messages(messages);
    await this.#rest();
    const heapGrowthBytes = heapAfterCollection() - before;
    const longestMs = this.#meter.slowest[0]?.ms ?? 0;
    const dearestMs = this.#meter.dearest();
    this.#meter.stop();
    const counters = this.#gateway.engine.counters();
    return {
      seed: this.#seed,
      sent: this.#sent,
      received: this.#meter.received,
      calls: this.#calls,
      complaints: [...this.#complaints.values()],
      longestMs,
      dearestMs,
      averageMs: this.#meter.total / Math.max(1, this.#meter.received),
      heapGrowthBytes,
      counters,
    };
  }

  async stop(): Promise<void> {
    this.#meter.stop();
    this.#connection?.destroy();
    this.#peer.removeAllListeners('message');
    await this.#gateway.stop();
    this.#peer.close();
  }

  async #messages(count: number): Promise<void> {
    for (let sent = 0; sent < count; sent += batch) {
      if (this.#mutation.below(4) === 0) this.#begin();
      for (let index = 0; index < batch; index += 1) this.#send();
      await this.#alive();
      if (this.#open.size > 200) this.#endCalls();
    }
  }

  #send(): void {
    const seed = this.#live.length > 0 && this.#mutation.below(2) === 0 ? this.#live : this.#torture;
    const whole = this.#mutation.pick(seed);
    const intact = this.#mutation.below(10) === 0;
    const bytes = intact ? whole : this.#mutation.damage(whole, this.#mutation.pick(this.#torture));
    this.#sent += 1;
    if (this.#mutation.below(8) === 0) this.#sendByTcp(bytes);
    else this.#peer.send(bytes, this.#gateway.port, '127.0.0.1', () => {});
  }

  /** The connection is closed by the engine with the first broken frame; the next message opens another. */
  #sendByTcp(bytes: Buffer): void {
    if (this.#connection?.writable !== true) {
      const connection = connect({ port: this.#gateway.port, host: '127.0.0.1', localAddress: peerAddress });
      connection.on('error', () => connection.destroy());
      connection.resume();
      this.#connection = connection;
    }
    this.#connection.write(bytes);
  }

  /** A whole INVITE, a call of the engine's, or a registration. */
  #begin(): void {
    const { engine, account, port } = this.#gateway;
    const kind = this.#mutation.below(4);
    if (kind < 2) this.#peer.send(inviteText(this.#ends, `fuzz-${this.#sent}`), port, '127.0.0.1');
    else if (kind === 2) {
      const options = { account, sdp: someSdp, headers: [], noAnswerSeconds: 1 };
      this.#keep(engine.invite(`sip:fuzz@${this.#ends.peer}`, options));
    } else void engine.options(`sip:fuzz@${this.#ends.peer}`);
  }

  #keep(call: SipCall): void {
    this.#calls += 1;
    this.#open.add(call);
    call.on('ended', () => this.#open.delete(call));
    call.on('reoffer', (_sdp, respond) => respond({ ok: true, value: someSdp }));
    if (call.direction === 'out') return;
    const choice = this.#mutation.below(4);
    if (choice > 0) call.ring();
    if (choice > 1) call.answer(someSdp);
    if (choice === 0) call.end({ code: 'no-room' });
  }

  #heard(message: RawMessage): void {
    const callId = value(message, 'call-id') ?? '';
    if (callId.startsWith('alive-')) this.#answered.add(callId);
    else if (status(message) === undefined) this.#learn(answersTo(message, this.#ends));
    else if (status(message) === 200) this.#learn(dialogMessages(this.#ends, message));
  }

  #learn(messages: readonly Buffer[]): void {
    this.#live = [...this.#live.slice(-120), ...messages];
  }

  #endCalls(): void {
    for (const call of this.#open) call.end({ code: 'hangup' });
    this.#open.clear();
  }

  /** What was sent has been dealt with, and the engine still answers. */
  async #alive(): Promise<void> {
    const callId = `alive-${this.#sent}`;
    const lines = [
      `OPTIONS sip:${this.#ends.gateway} SIP/2.0`,
      `Via: SIP/2.0/UDP ${this.#ends.peer};rport;branch=z9hG4bK${callId}`,
      'From: <sip:alive@fuzz>;tag=a',
      'To: <sip:alive@fuzz>',
      `Call-ID: ${callId}`,
      'CSeq: 1 OPTIONS',
      'Content-Length: 0',
    ];
    const bytes = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
    for (let attempt = 0; !this.#answered.delete(callId); attempt += 1) {
      if (attempt > 2_000) throw new Error('the engine does not answer any more');
      if (attempt % 100 === 0) this.#peer.send(bytes, this.#gateway.port, '127.0.0.1');
      await new Promise((resolve) => setTimeout(resolve, attempt < 20 ? 0 : 5));
    }
  }

  /** Every call is over and every transaction has gone. */
  async #rest(): Promise<void> {
    this.#endCalls();
    this.#connection?.destroy();
    this.#live = [];
    this.#answered.clear();
    const { engine } = this.#gateway;
    const atRest = () => Object.values(engine.occupancy()).every((count) => count === 0);
    await until('the engine at rest', atRest, 30_000).catch((error) => {
      throw new Error(`${error}: ${JSON.stringify(engine.occupancy())}`);
    });
  }
}

/** A log that keeps what names an exception, by its stack without the part that differs. */
function complaining(complaints: Map<string, string>): Log {
  const keep = (context: object, message: string): void => {
    const error: unknown = 'err' in context ? context.err : undefined;
    if (!(error instanceof Error) || error.message === 'blocked') return;
    const where = error.stack?.split('\n')[1] ?? '';
    complaints.set(`${message}${where}`, `${message}: ${error.stack}`);
  };
  const log: Log = { ...silentLog, warn: keep, error: keep, fatal: keep, child: () => log };
  return log;
}
