import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { Inbox } from './inbox.ts';
import { RawCall, type RawCallOptions } from './raw-call.ts';
import {
  compose,
  digestAnswer,
  method,
  parseRaw,
  type RawMessage,
  status,
  tagOf,
  token,
  value,
  values,
} from './raw-sip.ts';
import { type G711, RtpPhone } from './rtp-phone.ts';

export interface RawPhoneOptions {
  readonly user: string;
  /** Domain of its address. Default its own 127.0.0.1:port. */
  readonly domain?: string;
  /** Outbound proxy and registrar; its password answers 401 and 407. */
  readonly registrar?: { readonly host: string; readonly port: number; readonly password: string };
}

export interface Received {
  readonly message: RawMessage;
  readonly from: RemoteInfo;
}

type Headers = readonly (readonly [string, string])[];

/** A telephone of which the test decides every step: for what real ones do not do, and for measured audio. UDP only. */
export class RawPhone {
  readonly user: string;
  readonly port: number;
  readonly domain: string;
  /** Where to call it directly. */
  readonly uri: string;
  /** Everything that arrived. */
  readonly received = new Inbox<Received>(({ message }) => message.startLine);
  /** Text of everything that was sent. */
  readonly sent: string[] = [];
  readonly #socket: Socket;
  readonly #registrar: RawPhoneOptions['registrar'];
  readonly #calls = new Map<string, RawCall>();
  readonly #incoming = new Inbox<RawCall>((call) => call.callId);
  /** Last response by transaction, to repeat it. */
  readonly #responses = new Map<string, string>();
  /** Where the request of a branch went: its CANCEL and the ACK of its failure go there too. */
  readonly #hops = new Map<string, { address: string; port: number }>();
  readonly #audio = new Set<RtpPhone>();

  static async start(options: RawPhoneOptions): Promise<RawPhone> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new RawPhone(socket, options);
  }

  private constructor(socket: Socket, options: RawPhoneOptions) {
    this.#socket = socket;
    this.#registrar = options.registrar;
    this.user = options.user;
    this.port = socket.address().port;
    this.domain = options.domain ?? `127.0.0.1:${this.port}`;
    this.uri = `sip:${this.user}@127.0.0.1:${this.port}`;
    socket.on('error', () => {});
    socket.on('message', (data, from) => this.#onDatagram(data, from));
  }

  /** Registers (0: unregisters); the final status. */
  async register(expires = 600): Promise<number> {
    const uri = `sip:${this.domain}`;
    const to = `<sip:${this.user}@${this.domain}>`;
    const answer = await this.request('REGISTER', uri, {
      to,
      headers: [['Expires', String(expires)]],
    });
    return status(answer) ?? 0;
  }

  /** Places a call to a SIP URI; through the proxy, if there is one. */
  async call(target: string, options: RawCallOptions = {}): Promise<RawCall> {
    const call = await RawCall.out(this, target, await this.openAudio(options.codec), options);
    this.#calls.set(call.callId, call);
    call.invite();
    return call;
  }

  /** The next incoming call, for this user if one is named. Nothing was answered yet, not even 100. */
  incoming(timeoutMs?: number, user?: string): Promise<RawCall> {
    const called = (call: RawCall) =>
      call.request?.message.startLine.startsWith(`INVITE sip:${user}@`) === true;
    return this.#incoming.next('incoming call', user === undefined ? undefined : called, timeoutMs);
  }

  async openAudio(codec?: G711): Promise<RtpPhone> {
    const audio = await RtpPhone.open(codec);
    this.#audio.add(audio);
    return audio;
  }

  /** A request outside of a call; answers a challenge once. The final response. */
  async request(
    name: string,
    uri: string,
    options: { to?: string; headers?: Headers; body?: string } = {},
  ): Promise<RawMessage> {
    const base = { from: `<sip:${this.user}@${this.domain}>;tag=${token()}`, callId: token() };
    let credentials: Headers = [];
    for (let sequence = 1; ; sequence += 1) {
      const headers: Headers = [
        ['From', base.from],
        ['To', options.to ?? `<${uri}>`],
        ['Call-ID', base.callId],
        ['CSeq', `${sequence} ${name}`],
        ...(options.headers ?? []),
        ...credentials,
      ];
      const answer = await this.transact(name, uri, headers, options.body);
      credentials = this.credentials(answer, name, uri);
      if (sequence === 2 || credentials.length === 0) return answer;
    }
  }

  /** Sends a request with a new branch and waits for its final response. */
  async transact(name: string, uri: string, headers: Headers, body?: string): Promise<RawMessage> {
    const branch = this.send(name, uri, headers, body);
    return this.final(branch, `response to ${name}`);
  }

  async final(branch: string, what: string, timeoutMs?: number): Promise<RawMessage> {
    const fits = ({ message }: Received) =>
      (status(message) ?? 0) >= 200 && (value(message, 'Via') ?? '').includes(branch);
    return (await this.received.next(what, fits, timeoutMs)).message;
  }

  /** Sends a request; its branch. */
  send(name: string, uri: string, headers: Headers, body?: string, branch = `z9hG4bK${token()}`): string {
    const all: Headers = [
      ['Via', `SIP/2.0/UDP 127.0.0.1:${this.port};branch=${branch};rport`],
      ['Max-Forwards', '70'],
      ...headers,
      ['Contact', `<${this.uri}>`],
      ...(body === undefined ? [] : [['Content-Type', 'application/sdp'] as const]),
    ];
    const hop = this.#hops.get(branch) ?? this.#nextHop(uri, headers);
    this.#hops.set(branch, hop);
    this.transmit(compose(`${name} ${uri} SIP/2.0`, all, body), hop);
    return branch;
  }

  /** Sends any text or bytes. */
  transmit(data: string | Buffer, to: { address: string; port: number }): void {
    this.sent.push(data.toString());
    this.#socket.send(data, to.port, to.address);
  }

  /** Answers a request: Via, From, To, Call-ID, CSeq and Record-Route are copied. */
  respond(
    request: Received,
    code: number,
    reason: string,
    headers: Headers = [],
    body?: string,
    toTag?: string,
  ): void {
    const { message, from } = request;
    const copy = (name: string): Headers => values(message, name).map((text) => [name, text] as const);
    const to = value(message, 'To') ?? '';
    const tagged = toTag === undefined || /;\s*tag=/i.test(to) ? to : `${to};tag=${toTag}`;
    const all: Headers = [
      ...copy('Via'),
      ...copy('Record-Route'),
      ...copy('From'),
      ['To', tagged],
      ...copy('Call-ID'),
      ...copy('CSeq'),
      ...(headers.some(([name]) => name === 'Contact') ? [] : [['Contact', `<${this.uri}>`] as const]),
      ...headers,
      ...(body === undefined ? [] : [['Content-Type', 'application/sdp'] as const]),
    ];
    const text = compose(`SIP/2.0 ${code} ${reason}`, all, body);
    this.#responses.set(transaction(message), text);
    this.transmit(text, { address: from.address, port: from.port });
  }

  /** Header that answers a 401 or 407 with the registrar's password; none for other responses. */
  credentials(answer: RawMessage, name: string, uri: string): Headers {
    const challenge = value(answer, 'WWW-Authenticate') ?? value(answer, 'Proxy-Authenticate');
    const code = status(answer);
    if (challenge === undefined || this.#registrar === undefined || (code !== 401 && code !== 407)) return [];
    const account = { user: this.user, password: this.#registrar.password };
    const text = digestAnswer(challenge, { method: name, uri }, account);
    return [[code === 401 ? 'Authorization' : 'Proxy-Authorization', text]];
  }

  forget(call: RawCall): void {
    this.#calls.delete(call.callId);
  }

  /** Closes its sockets; says goodbye to nobody. */
  stop(): void {
    for (const audio of this.#audio) audio.close();
    this.#socket.close();
  }

  #nextHop(uri: string, headers: Headers): { address: string; port: number } {
    const route = headers.find(([name]) => name === 'Route')?.[1];
    const inDialog = headers.some(([name, text]) => name === 'To' && /;\s*tag=/i.test(text));
    if (route === undefined && !inDialog && this.#registrar) {
      return { address: this.#registrar.host, port: this.#registrar.port };
    }
    const match = /sips?:(?:[^@>]*@)?(\d+\.\d+\.\d+\.\d+)(?::(\d+))?/.exec(route ?? uri);
    if (!match) throw new Error(`no address in ${route ?? uri}`);
    return { address: match[1] as string, port: Number(match[2] ?? 5060) };
  }

  #onDatagram(data: Buffer, from: RemoteInfo): void {
    const message = parseRaw(data.toString('utf8'));
    const request = { message, from };
    const repeated = status(message) === undefined ? this.#responses.get(transaction(message)) : undefined;
    if (repeated !== undefined) {
      this.transmit(repeated, from);
      return;
    }
    const call = this.#calls.get(value(message, 'Call-ID') ?? '');
    if (call?.request !== undefined && startsCall(message)) {
      this.received.add(request);
      // Also a call that was challenged or redirected comes again with its Call-ID: that is a new one.
      if (transaction(call.request.message) !== transaction(message)) void this.#onRequest(request);
      return;
    }
    if (call) call.receive(request);
    this.received.add(request);
    if (!call && status(message) === undefined) void this.#onRequest(request);
  }

  async #onRequest(request: Received): Promise<void> {
    const { message } = request;
    if (method(message) === 'INVITE') {
      const callId = value(message, 'Call-ID') ?? '';
      const call = RawCall.in(this, request);
      this.#calls.set(callId, call);
      call.audio = await this.openAudio();
      this.#incoming.add(call);
    } else if (method(message) === 'OPTIONS') {
      this.respond(request, 200, 'OK', [], undefined, token());
    } else if (method(message) !== 'ACK') {
      this.respond(request, 481, 'Call/Transaction Does Not Exist', [], undefined, token());
    }
  }
}

function transaction(message: RawMessage): string {
  return `${/branch=([^;,\s]+)/.exec(value(message, 'Via') ?? '')?.[1]} ${method(message)}`;
}

function startsCall(message: RawMessage): boolean {
  const isInvite = status(message) === undefined && method(message) === 'INVITE';
  return isInvite && tagOf(value(message, 'To')) === undefined;
}
