import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { seededRandom } from '../../kit/random.ts';
import { answerSdp, responseTo } from './call-texts.ts';
import { headerIn } from './caller.ts';

interface Answered {
  readonly ok: string;
  timer: NodeJS.Timeout | undefined;
}

const t1 = 500;
const t2 = 4_000;
const longest = 64 * t1;

/** Takes calls on a UDP socket that loses datagrams both ways: 180, 200 again until the ACK comes (RFC 3261 §13.3.1.4), 200 to BYE. */
export class Answerer {
  readonly #socket: Socket;
  readonly #loss: number;
  readonly #random = seededRandom(13);
  readonly #calls = new Map<string, Answered>();
  readonly #left = new Set<string>();

  static async open(loss: number): Promise<Answerer> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 4_194_304 });
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new Answerer(socket, loss);
  }

  private constructor(socket: Socket, loss: number) {
    this.#socket = socket;
    this.#loss = loss;
    socket.on('message', (bytes, from) => {
      if (this.#random() >= this.#loss) this.#receive(bytes.toString('latin1'), from.port);
    });
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** Calls whose BYE came. */
  get left(): number {
    return this.#left.size;
  }

  close(): void {
    for (const { timer } of this.#calls.values()) clearTimeout(timer);
    this.#socket.close();
  }

  #receive(text: string, port: number): void {
    const callId = headerIn(text, 'Call-ID');
    const call = this.#calls.get(callId);
    if (text.startsWith('ACK ')) clearTimeout(call?.timer);
    else if (text.startsWith('BYE ')) {
      clearTimeout(call?.timer);
      this.#left.add(callId);
      this.#send(responseTo(text, '200 OK', callId, this.port), port);
    } else if (call !== undefined) this.#send(call.ok, port);
    else if (text.startsWith('INVITE ')) {
      const ok = responseTo(text, '200 OK', 'bench', this.port, answerSdp);
      const begun: Answered = { ok, timer: undefined };
      this.#calls.set(callId, begun);
      this.#send(responseTo(text, '180 Ringing', 'bench', this.port), port);
      this.#answer(begun, port, t1, 0);
    }
  }

  #answer(call: Answered, port: number, wait: number, waited: number): void {
    this.#send(call.ok, port);
    if (waited >= longest) return;
    call.timer = setTimeout(() => this.#answer(call, port, Math.min(t2, wait * 2), waited + wait), wait);
  }

  #send(text: string, port: number): void {
    if (this.#random() >= this.#loss) this.#socket.send(Buffer.from(text, 'latin1'), port, '127.0.0.1');
  }
}
