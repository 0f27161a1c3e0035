import { createSocket, type Socket } from 'node:dgram';

/** A message as a raw peer sees it. */
export interface RawMessage {
  readonly text: string;
  readonly startLine: string;
  readonly method: string;
  /** NaN for a request. */
  readonly status: number;
  readonly body: string;
  readonly port: number;
  /** First value of a header, by full name. */
  header(name: string): string | undefined;
  all(name: string): string[];
}

export interface ReplyOptions {
  readonly tag?: string;
  /** Complete lines. */
  readonly lines?: readonly string[];
  readonly body?: string;
  readonly contact?: boolean;
}

interface Waiter {
  matches(message: RawMessage): boolean;
  resolve(message: RawMessage): void;
}

export const someSdp = [
  'v=0',
  'o=- 1 1 IN IP4 127.0.0.1',
  's=-',
  'c=IN IP4 127.0.0.1',
  't=0 0',
  'm=audio 40000 RTP/AVP 0',
  '',
].join('\r\n');

/** A SIP peer on a UDP socket that does only what the test says: no transactions, no retransmissions, no answers by itself. */
export class SipPeer {
  readonly received: RawMessage[] = [];
  readonly #socket: Socket;
  readonly #answered = new Set<string>();
  readonly #waiters = new Set<Waiter>();
  #seen = 0;
  #branch = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (bytes, from) => this.#onMessage(readRaw(bytes.toString('utf8'), from.port)));
  }

  /** `address`: any of 127.0.0.0/8; a peer on another one than 127.0.0.1 is a stranger to the engine. */
  static async open(address = '127.0.0.1'): Promise<SipPeer> {
    const socket = createSocket('udp4');
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.bind(0, address, resolve);
    await promise;
    return new SipPeer(socket);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** The next message, also one that has come already and was not taken yet, that matches. Rejects after 10 s. */
  next(matches: (message: RawMessage) => boolean): Promise<RawMessage> {
    const index = this.received.findIndex((message, place) => place >= this.#seen && matches(message));
    const found = this.received[index];
    if (found !== undefined) {
      this.#seen = index + 1;
      return Promise.resolve(found);
    }
    const { promise, resolve, reject } = Promise.withResolvers<RawMessage>();
    const timer = setTimeout(() => reject(new Error(`nothing came; had:\n${this.transcript()}`)), 10_000);
    this.#waiters.add({
      matches,
      resolve: (message) => {
        clearTimeout(timer);
        resolve(message);
      },
    });
    return promise;
  }

  /** The next request that has no final answer yet: what was answered late comes again, and is not another one. */
  request(method: string): Promise<RawMessage> {
    return this.next((message) => message.method === method && !this.#answered.has(transactionOf(message)));
  }

  response(status: number, cseqMethod?: string): Promise<RawMessage> {
    return this.next(
      (message) =>
        message.status === status &&
        (cseqMethod === undefined || message.header('CSeq')?.endsWith(cseqMethod) === true),
    );
  }

  send(text: string | Buffer, port: number): void {
    this.#socket.send(text, port, '127.0.0.1');
  }

  reply(request: RawMessage, status: number, options: ReplyOptions = {}): void {
    if (status >= 200) this.#answered.add(transactionOf(request));
    this.send(this.replyText(request, status, options), request.port);
  }

  replyText(request: RawMessage, status: number, options: ReplyOptions = {}): string {
    const to = request.header('To') ?? '';
    const tagged = status === 100 || to.includes(';tag=') ? to : `${to};tag=${options.tag ?? 'peer'}`;
    const lines = [
      `SIP/2.0 ${status} Whatever`,
      ...request.all('Via').map((via) => `Via: ${via}`),
      `From: ${request.header('From')}`,
      `To: ${tagged}`,
      `Call-ID: ${request.header('Call-ID')}`,
      `CSeq: ${request.header('CSeq')}`,
      ...(options.contact === false ? [] : [`Contact: <sip:peer@127.0.0.1:${this.port}>`]),
      ...(options.lines ?? []),
    ];
    return complete(lines, options.body);
  }

  /** A new request; `branch` undefined: a fresh one. */
  requestText(method: string, options: RequestText): string {
    this.#branch += 1;
    const branch = options.branch ?? `z9hG4bK-${this.port}-${this.#branch}`;
    const lines = [
      `${method} ${options.uri ?? `sip:room@127.0.0.1:${options.port}`} SIP/2.0`,
      `Via: SIP/2.0/UDP 127.0.0.1:${this.port};branch=${branch};rport`,
      `From: "Peer" <sip:caller@127.0.0.1:${this.port}>;tag=${options.fromTag ?? 'caller'}`,
      `To: <sip:room@127.0.0.1:${options.port}>${options.toTag === undefined ? '' : `;tag=${options.toTag}`}`,
      `Call-ID: ${options.callId}`,
      `CSeq: ${options.cseq ?? 1} ${method}`,
      'Max-Forwards: 70',
      `Contact: <sip:caller@127.0.0.1:${this.port}>`,
      ...(options.lines ?? []),
    ];
    return complete(lines, options.body);
  }

  transcript(): string {
    return this.received.map((message) => message.text).join('\n----\n');
  }

  close(): void {
    this.#socket.close();
  }

  #onMessage(message: RawMessage): void {
    this.received.push(message);
    for (const waiter of this.#waiters) {
      if (!waiter.matches(message)) continue;
      this.#waiters.delete(waiter);
      this.#seen = this.received.length;
      waiter.resolve(message);
      return;
    }
  }
}

export interface RequestText {
  /** Port of the engine. */
  readonly port: number;
  readonly callId: string;
  readonly uri?: string;
  readonly branch?: string;
  readonly fromTag?: string;
  readonly toTag?: string;
  readonly cseq?: number;
  readonly lines?: readonly string[];
  readonly body?: string;
}

function complete(lines: readonly string[], body = ''): string {
  const stated = body === '' || lines.some((line) => line.startsWith('Content-Type:'));
  const type = stated ? [] : ['Content-Type: application/sdp'];
  return `${[...lines, ...type, `Content-Length: ${Buffer.byteLength(body)}`].join('\r\n')}\r\n\r\n${body}`;
}

export function tagOf(value: string | undefined): string {
  return /;tag=([^;]+)/.exec(value ?? '')?.[1] ?? '';
}

/** A message as `SipPeer` gives it; `port` is where it came from. */
export function readRaw(text: string, port: number): RawMessage {
  const end = text.indexOf('\r\n\r\n');
  const [startLine = '', ...lines] = text.slice(0, end).split('\r\n');
  const isResponse = startLine.startsWith('SIP/2.0 ');
  const all = (name: string): string[] => {
    const prefix = `${name.toLowerCase()}:`;
    return lines
      .filter((line) => line.toLowerCase().startsWith(prefix))
      .map((line) => line.slice(prefix.length).trim());
  };
  return {
    text,
    port,
    startLine,
    all,
    header: (name) => all(name)[0],
    method: isResponse ? '' : (startLine.split(' ')[0] ?? ''),
    status: isResponse ? Number(startLine.slice(8, 11)) : Number.NaN,
    body: text.slice(end + 4),
  };
}

const transactionOf = (request: RawMessage): string => `${request.method} ${request.header('Via')}`;
