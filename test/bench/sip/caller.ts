import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { seededRandom } from '../../kit/random.ts';
import { percentile } from '../percentiles.ts';
import { type CallParties, inDialogText, inviteText } from './call-texts.ts';

export interface CallerOptions {
  /** Port of what is called, on 127.0.0.1. */
  readonly target: number;
  /** Part of the datagrams lost each way, 0 to 1. Default 0. */
  readonly loss?: number;
  /** Milliseconds between ACK and BYE. Default 0. */
  readonly talkMs?: number;
  /** How long after the last call began an unfinished one has failed. Default: twice 64 × T1, so that every timer has run out. */
  readonly patienceMs?: number;
}

/** How a run of calls went. */
export interface CallsReport {
  readonly begun: number;
  /** INVITE answered with 200 and BYE too. */
  readonly succeeded: number;
  readonly failed: number;
  /** Datagrams that had to be sent again, by the caller and by the called. */
  readonly retransmitted: number;
  readonly repeated: number;
  /** INVITE to 200, milliseconds. */
  readonly answerP99Ms: number;
  /** Calls begun per second, as it really was. */
  readonly perSecond: number;
}

interface Call extends CallParties {
  readonly begunAt: number;
  state: 'inviting' | 'ringing' | 'talking' | 'leaving';
  /** What is sent again when no answer came; undefined: nothing is open. */
  open: string | undefined;
  nextAt: number;
  interval: number;
  ack: string;
  remoteTarget: string;
  to: string;
}

const t1 = 500;
const t2 = 4_000;
const longestMs = 2 * 64 * t1 + 2_000;
const mostPerTurn = 64;

/**
 * Begins calls at a steady rate from one UDP socket and plays the caller of RFC 3261 in them: INVITE, ACK, BYE, each sent again by
 * timers A and E until it is answered. It reads no more of a message than it needs, so that it costs less than what it loads.
 */
export class Caller {
  readonly #socket: Socket;
  readonly #options: CallerOptions;
  readonly #random = seededRandom(11);
  readonly #calls = new Map<string, Call>();
  #series = 0;
  #succeeded = 0;
  #failed = 0;
  #retransmitted = 0;
  #repeated = 0;
  #answerMs: number[] = [];

  static async open(options: CallerOptions): Promise<Caller> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 4_194_304 });
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new Caller(socket, options);
  }

  private constructor(socket: Socket, options: CallerOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on('message', (bytes) => {
      if (!this.#loses()) this.#receive(bytes.toString('latin1'));
    });
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** Begins `count` calls, so many a second, and resolves when each is over or given up. */
  async run(count: number, perSecond: number): Promise<CallsReport> {
    this.#series += 1;
    [this.#succeeded, this.#failed, this.#retransmitted, this.#repeated] = [0, 0, 0, 0];
    this.#answerMs = [];
    const start = performance.now();
    let begun = 0;
    let lastAt = start;
    let swept = start;
    while (this.#succeeded + this.#failed < count) {
      const now = performance.now();
      const due = Math.min(count, Math.floor(((now - start) * perSecond) / 1_000), begun + mostPerTurn);
      while (begun < due) {
        this.#begin(`${this.#series}-${begun}`, now);
        begun += 1;
        lastAt = now;
      }
      if (now - swept > 20) {
        swept = now;
        this.#sweep(now);
        if (begun === count && now - lastAt > (this.#options.patienceMs ?? longestMs)) this.#giveUp();
      }
      await new Promise((resolve) =>
        begun < count && perSecond > 500 ? setImmediate(resolve) : setTimeout(resolve, 1),
      );
    }
    return {
      begun,
      succeeded: this.#succeeded,
      failed: this.#failed,
      retransmitted: this.#retransmitted,
      repeated: this.#repeated,
      answerP99Ms: percentile(this.#answerMs, 0.99),
      perSecond: (begun * 1_000) / Math.max(1, lastAt - start),
    };
  }

  close(): void {
    this.#socket.close();
  }

  #begin(name: string, now: number): void {
    const { port } = this;
    const callId = `c${name}@${port}`;
    const parties = { port, target: this.#options.target, callId };
    const call: Call = {
      ...parties,
      begunAt: now,
      state: 'inviting',
      open: undefined,
      nextAt: 0,
      interval: t1,
      ack: '',
      remoteTarget: '',
      to: '',
    };
    this.#calls.set(callId, call);
    this.#transact(call, inviteText(parties, branchOf('i', call)), now);
  }

  #transact(call: Call, text: string, now: number): void {
    call.open = text;
    call.interval = t1;
    call.nextAt = now + t1;
    this.#send(text);
  }

  #giveUp(): void {
    for (const call of this.#calls.values()) this.#over(call, false);
  }

  /** Timers A and E. */
  #sweep(now: number): void {
    for (const call of this.#calls.values()) {
      if (call.open !== undefined && now >= call.nextAt) {
        this.#retransmitted += 1;
        this.#send(call.open);
        call.interval = call.state === 'leaving' ? Math.min(t2, 2 * call.interval) : 2 * call.interval;
        call.nextAt = now + call.interval;
      }
    }
  }

  #receive(text: string): void {
    const call = this.#calls.get(headerIn(text, 'Call-ID'));
    if (call === undefined || !text.startsWith('SIP/2.0 ')) return;
    const status = Number(text.slice(8, 11));
    if (headerIn(text, 'CSeq').endsWith('BYE')) {
      if (status >= 200) this.#over(call, status === 200);
    } else if (status < 200) {
      if (call.state === 'inviting') [call.state, call.open] = ['ringing', undefined];
    } else if (status === 200) this.#answered(call, text);
    else this.#over(call, false);
  }

  #answered(call: Call, text: string): void {
    if (call.state === 'talking' || call.state === 'leaving') {
      this.#repeated += 1;
      this.#send(call.ack);
      return;
    }
    const now = performance.now();
    this.#answerMs.push(now - call.begunAt);
    const contact = headerIn(text, 'Contact');
    call.remoteTarget = contact.slice(contact.indexOf('<') + 1, contact.indexOf('>'));
    call.to = headerIn(text, 'To');
    [call.state, call.open] = ['talking', undefined];
    call.ack = inDialogText('ACK', call, { ...call, branch: branchOf('a', call) });
    this.#send(call.ack);
    const { talkMs = 0 } = this.#options;
    if (talkMs === 0) this.#leave(call);
    else setTimeout(() => this.#leave(call), talkMs);
  }

  #leave(call: Call): void {
    if (!this.#calls.has(call.callId)) return;
    call.state = 'leaving';
    this.#transact(
      call,
      inDialogText('BYE', call, { ...call, branch: branchOf('b', call) }),
      performance.now(),
    );
  }

  #over(call: Call, well: boolean): void {
    this.#calls.delete(call.callId);
    if (well) this.#succeeded += 1;
    else this.#failed += 1;
  }

  #send(text: string): void {
    if (this.#loses()) return;
    this.#socket.send(Buffer.from(text, 'latin1'), this.#options.target, '127.0.0.1', () => {});
  }

  #loses(): boolean {
    const { loss = 0 } = this.#options;
    return loss > 0 && this.#random() < loss;
  }
}

/** The value of the first such header; '' without one. */
export function headerIn(text: string, name: string): string {
  const at = text.indexOf(`\r\n${name}: `);
  if (at < 0) return '';
  const from = at + name.length + 4;
  return text.slice(from, text.indexOf('\r\n', from));
}

/** A branch is a token: without the `@` of the Call-ID. */
function branchOf(kind: string, { callId }: CallParties): string {
  return `${kind}${callId.replace('@', '.')}`;
}
