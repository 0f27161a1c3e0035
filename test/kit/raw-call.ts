import { Inbox } from './inbox.ts';
import type { RawPhone, Received } from './raw-phone.ts';
import {
  type Direction,
  method,
  parseSdp,
  type RawMessage,
  type RawSdp,
  sdp,
  status,
  tagOf,
  token,
  uriOf,
  value,
  values,
} from './raw-sip.ts';
import type { G711, RtpPhone } from './rtp-phone.ts';

export interface RawCallOptions {
  readonly headers?: readonly (readonly [string, string])[];
  /** Own body; `none`: an INVITE without offer (the answer goes into the ACK). */
  readonly sdp?: string | 'none';
  /** Codec it sends. Default PCMU. */
  readonly codec?: G711;
  readonly fromHeader?: string;
  /** Payload numbers it offers. Default 0 8 101. */
  readonly payloadTypes?: readonly number[];
}

type Headers = readonly (readonly [string, string])[];

/** One call of a raw phone, either way. What it does by itself: ACK, answers to BYE, CANCEL, re-INVITE, INFO, UPDATE, OPTIONS. */
export class RawCall {
  readonly callId: string;
  readonly direction: 'in' | 'out';
  audio!: RtpPhone;
  /** The INVITE of an incoming call. */
  readonly request: Received | undefined;
  /** Responses to our INVITEs. */
  readonly responses = new Inbox<RawMessage>((message) => message.startLine);
  /** Requests inside the dialog, ACK and CANCEL too. */
  readonly requests = new Inbox<Received>(({ message }) => message.startLine);
  /** The latest body of the other side. */
  remoteSdp: RawSdp | undefined;
  /** Set false and responses to our INVITE are never ACKed. */
  acknowledges = true;
  /** What a re-INVITE or UPDATE of the other side gets: a status, 200 with a fitting SDP by default. */
  reofferStatus = 200;
  /** Direction of our latest SDP. */
  localDirection: Direction = 'sendrecv';
  readonly #phone: RawPhone;
  readonly #localTag = token();
  readonly #options: RawCallOptions;
  #remoteTag: string | undefined;
  #target: string;
  #routes: readonly string[] = [];
  #sequence = 1;
  #branch = '';
  #credentials: Headers = [];
  #version = 0;
  readonly #from: string;
  readonly #to: string;

  static async out(
    phone: RawPhone,
    target: string,
    audio: RtpPhone,
    options: RawCallOptions,
  ): Promise<RawCall> {
    const from = options.fromHeader ?? `<sip:${phone.user}@${phone.domain}>`;
    const call = new RawCall(phone, 'out', token(), from, `<${target}>`, target, options);
    call.audio = audio;
    return call;
  }

  static in(phone: RawPhone, request: Received): RawCall {
    const { message } = request;
    const contact = uriOf(value(message, 'Contact') ?? value(message, 'From') ?? '');
    const local = (value(message, 'To') ?? '').replace(/;\s*tag=.*/i, '');
    const remote = value(message, 'From') ?? '';
    const call = new RawCall(
      phone,
      'in',
      value(message, 'Call-ID') ?? '',
      local,
      remote,
      contact,
      {},
      request,
    );
    call.#routes = values(message, 'Record-Route');
    call.remoteSdp = parseSdp(message.body);
    return call;
  }

  private constructor(
    phone: RawPhone,
    direction: 'in' | 'out',
    callId: string,
    from: string,
    to: string,
    target: string,
    options: RawCallOptions,
    request?: Received,
  ) {
    this.#phone = phone;
    this.direction = direction;
    this.callId = callId;
    this.#from = from;
    this.#to = to;
    this.#target = target;
    this.#options = options;
    this.request = request;
    this.#remoteTag = request && tagOf(to);
  }

  /** A header of the INVITE that came. */
  header(name: string): string | undefined {
    return this.request && value(this.request.message, name);
  }

  /** Sends the INVITE (again: with the credentials it was asked for). */
  invite(): void {
    const body = this.#options.sdp ?? this.localSdp();
    const headers = [...(this.#options.headers ?? []), ...this.#credentials];
    this.#branch = this.#phone.send(
      'INVITE',
      this.#target,
      this.#head('INVITE', headers),
      body === 'none' ? undefined : body,
    );
  }

  /** Waits for a response with this status to our INVITE. */
  response(code: number, timeoutMs?: number): Promise<RawMessage> {
    return this.responses.next(`${code} to INVITE`, (message) => status(message) === code, timeoutMs);
  }

  /** Waits for the final response to our INVITE (challenges that were answered do not count); its status. */
  async final(timeoutMs?: number): Promise<number> {
    const message = await this.responses.next(
      'final response',
      (one) => (status(one) ?? 0) >= 200,
      timeoutMs,
    );
    return status(message) ?? 0;
  }

  /** Waits until the call is answered with 200. */
  async answered(timeoutMs?: number): Promise<this> {
    const code = await this.final(timeoutMs);
    if (code !== 200) throw new Error(`the call was answered with ${code}`);
    return this;
  }

  // Incoming calls

  ring(code = 180, reason = 'Ringing', body?: string): void {
    this.#respond(code, reason, [], body);
  }

  /** 200 with our SDP; audio goes to the address of the offer. */
  answer(direction: Direction = 'sendrecv'): void {
    this.#connect();
    this.#respond(200, 'OK', [], this.localSdp(direction));
  }

  reject(code: number, reason: string, headers: Headers = []): void {
    this.#respond(code, reason, headers);
  }

  // Both ways

  /** CANCEL of our INVITE; its 200 or 481. */
  async cancel(headers: Headers = []): Promise<number> {
    const head: Headers = [
      ['From', `${this.#from};tag=${this.#localTag}`],
      ['To', this.#to],
      ['Call-ID', this.callId],
      ['CSeq', `${this.#sequence - 1} CANCEL`],
      ...headers,
    ];
    this.#phone.send('CANCEL', this.#target, head, undefined, this.#branch);
    const fits = ({ message }: Received) => method(message) === 'CANCEL' && (status(message) ?? 0) >= 200;
    const answer = await this.#phone.received.next('response to CANCEL', fits);
    return status(answer.message) ?? 0;
  }

  /** BYE; its final status. */
  async hangup(headers: Headers = []): Promise<number> {
    this.audio.pause();
    return status(await this.send('BYE', { headers })) ?? 0;
  }

  /** Re-INVITE with this direction of ours: hold is `sendonly` or `inactive`. The final response, ACKed. */
  async reinvite(direction: Direction, body = this.localSdp(direction)): Promise<RawMessage> {
    this.localDirection = direction;
    return this.send('INVITE', { body });
  }

  hold = (): Promise<RawMessage> => this.reinvite('sendonly');
  resume = (): Promise<RawMessage> => this.reinvite('sendrecv');

  /** Any request in the dialog; its final response. */
  async send(name: string, options: { headers?: Headers; body?: string } = {}): Promise<RawMessage> {
    let credentials: Headers = [];
    for (let attempt = 1; ; attempt += 1) {
      const headers = this.#head(name, [...(options.headers ?? []), ...credentials]);
      const sequence = this.#sequence - 1;
      const branch = this.#phone.send(name, this.#target, headers, options.body);
      const answer = await this.#phone.final(branch, `response to ${name}`);
      if (status(answer) === 200) this.#follow(answer);
      if (name === 'INVITE' && this.acknowledges) this.#acknowledge(answer, sequence, branch);
      credentials = this.#phone.credentials(answer, name, this.#target);
      if (attempt === 2 || credentials.length === 0) return answer;
    }
  }

  /** Waits until the other side ends the call: its BYE or CANCEL. */
  async ended(timeoutMs?: number): Promise<RawMessage> {
    const fits = ({ message }: Received) => ['BYE', 'CANCEL'].includes(method(message));
    return (await this.requests.next('BYE or CANCEL', fits, timeoutMs)).message;
  }

  /** Waits for a request in the dialog, e.g. ACK, INFO, INVITE (re-INVITE). */
  async next(name: string, timeoutMs?: number): Promise<RawMessage> {
    return (await this.requests.next(name, ({ message }) => method(message) === name, timeoutMs)).message;
  }

  localSdp(direction: Direction = this.localDirection): string {
    this.#version += 1;
    return sdp(this.audio.port, direction, this.#version, [...(this.#options.payloadTypes ?? [0, 8, 101])]);
  }

  /** Called by the phone with whatever carries our Call-ID. */
  receive(received: Received): void {
    if (status(received.message) === undefined) this.#onRequest(received);
    else if (method(received.message) === 'INVITE') this.#onResponse(received.message);
  }

  #onResponse(message: RawMessage): void {
    const code = status(message) ?? 0;
    const mine = (value(message, 'Via') ?? '').includes(this.#branch);
    if (!mine) return;
    if (code > 100 && code < 300) this.#learn(message);
    if (code >= 200 && this.acknowledges) this.#acknowledge(message, this.#sequence - 1, this.#branch);
    const credentials = this.#phone.credentials(message, 'INVITE', this.#target);
    if (credentials.length > 0 && this.#credentials.length === 0) {
      this.#credentials = credentials;
      this.invite();
      return;
    }
    this.responses.add(message);
  }

  #learn(message: RawMessage): void {
    this.#remoteTag = tagOf(value(message, 'To')) ?? this.#remoteTag;
    const contact = value(message, 'Contact');
    if (contact) this.#target = uriOf(contact);
    this.#routes = values(message, 'Record-Route').reverse();
    this.#follow(message);
  }

  /** Audio goes where the latest SDP says. */
  #follow(message: RawMessage): void {
    this.remoteSdp = parseSdp(message.body) ?? this.remoteSdp;
    this.#connect();
  }

  #acknowledge(answer: RawMessage, sequence: number, branch: string): void {
    const success = (status(answer) ?? 0) < 300;
    const head: Headers = [
      ['From', `${this.#from};tag=${this.#localTag}`],
      ['To', value(answer, 'To') ?? ''],
      ['Call-ID', this.callId],
      ['CSeq', `${sequence} ACK`],
      ...(success ? this.#routes.map((route) => ['Route', route] as const) : []),
    ];
    const body = success && this.#options.sdp === 'none' ? this.localSdp() : undefined;
    this.#phone.send('ACK', this.#target, head, body, success ? undefined : branch);
  }

  #onRequest(received: Received): void {
    const { message } = received;
    const name = method(message);
    this.requests.add(received);
    if (name === 'ACK') {
      this.#follow(message);
      return;
    }
    if (name === 'INVITE' || name === 'UPDATE') {
      this.#onReoffer(received);
      return;
    }
    this.#phone.respond(received, 200, 'OK', [], undefined, this.#localTag);
    if (name === 'BYE') this.audio.pause();
    if (name === 'CANCEL') this.reject(487, 'Request Terminated');
  }

  #onReoffer(received: Received): void {
    const offer = parseSdp(received.message.body);
    if (this.reofferStatus !== 200) {
      this.#phone.respond(received, this.reofferStatus, 'No', [], undefined, this.#localTag);
      return;
    }
    this.remoteSdp = offer ?? this.remoteSdp;
    this.localDirection = offer ? mirrored[offer.direction] : this.localDirection;
    this.#connect();
    this.#phone.respond(received, 200, 'OK', [], this.localSdp(), this.#localTag);
  }

  #connect(): void {
    const remote = this.remoteSdp;
    if (remote === undefined || !this.audio) return;
    this.audio.remote = { address: remote.address, port: remote.port };
    if (this.#options.codec === undefined)
      this.audio.codec = remote.payloadTypes.includes(0) ? 'PCMU' : 'PCMA';
  }

  #respond(code: number, reason: string, headers: Headers = [], body?: string): void {
    if (!this.request) throw new Error('only an incoming call is answered');
    this.#phone.respond(this.request, code, reason, headers, body, this.#localTag);
  }

  #head(name: string, headers: Headers): Headers {
    const sequence = this.#sequence;
    this.#sequence += 1;
    const to =
      this.#remoteTag === undefined || tagOf(this.#to) ? this.#to : `${this.#to};tag=${this.#remoteTag}`;
    return [
      ['From', `${this.#from};tag=${this.#localTag}`],
      ['To', to],
      ['Call-ID', this.callId],
      ['CSeq', `${sequence} ${name}`],
      ...this.#routes.map((route) => ['Route', route] as const),
      ...headers,
    ];
  }
}

const mirrored: Readonly<Record<Direction, Direction>> = {
  sendrecv: 'sendrecv',
  sendonly: 'recvonly',
  recvonly: 'sendonly',
  inactive: 'inactive',
};
