import { randomUUID } from 'node:crypto';
import { randomBranch, randomToken } from '../../src/sip/embedded/outgoing-message.ts';
import { type SipTimes, standardTimes } from '../../src/sip/embedded/sip-js.ts';
import { toWire } from '../../src/sip/header-line.ts';
import type { SipRequest, SipResponse } from '../../src/sip/message.ts';
import { contactOf } from '../../src/sip/message-body.ts';
import { parseMessage } from '../../src/sip/message-parser.ts';
import { hostInUri, parseUri, type SipUri } from '../../src/sip/sip-uri.ts';
import type { Hop } from '../../src/sip/transport/packet.ts';
import { type Client, DrachtioClients } from './drachtio-clients.ts';
import {
  type ClientSip,
  type Frame,
  frameText,
  headerOf,
  metaOf,
  parseClientSip,
  writeFrame,
} from './drachtio-frames.ts';
import { incomingLeg, type Leg, matches, outgoingLeg } from './drachtio-leg.ts';
import { DrachtioStack, responseTo, type Served } from './drachtio-stack.ts';

export interface DrachtioServerOptions {
  readonly times?: SipTimes;
  readonly secret?: string;
  /** Admin port; default: a free one. */
  readonly adminPort?: number;
  /** The request handler of outbound mode: where the gateway for this INVITE listens. */
  readonly handler?: (invite: SipRequest) => { readonly host: string; readonly port: number };
}

/** An unanswered INVITE from the network. */
interface Invited {
  readonly served: Served;
  readonly client: Client;
  readonly dialogId: string;
  readonly tag: string;
}

/** An INVITE of a client that has no final response yet. */
interface Inviting {
  readonly cancel: () => void;
}

interface Outgoing {
  readonly client: Client;
  readonly txn: string;
  readonly dialogId: string;
  readonly method: string;
  readonly hop: Hop;
  readonly uri: SipUri;
  readonly lines: string[];
  readonly callId: string;
  readonly cseq: number;
  readonly body: string;
}

const dialogHeaders = new Set(['call-id', 'cseq', 'from', 'to', 'via', 'content-length', 'max-forwards']);

/**
 * Stands in for drachtio-server 0.9.10: its TCP protocol on one side and real SIP on the other. It behaves like the
 * original where a client can tell (client.cpp, sip-dialog-controller.cpp): it sends 100, the answers to CANCEL, ACKs for failures,
 * repeats and timeouts itself, keeps routes and sequence numbers, and drops what no client wants.
 */
export class DrachtioStandIn {
  readonly #times: SipTimes;
  readonly #handler: DrachtioServerOptions['handler'];
  readonly #stack: DrachtioStack;
  readonly #clients: DrachtioClients;
  readonly #invited = new Map<string, Invited>();
  readonly #inviting = new Map<string, Inviting>();
  readonly #served = new Map<string, { readonly served: Served; readonly leg: Leg | undefined }>();
  readonly #legs = new Map<string, Leg>();
  /** Ends the repetitions of a 200; by Call-ID and CSeq of the INVITE. */
  readonly #repeating = new Map<string, () => void>();

  private constructor(options: DrachtioServerOptions) {
    this.#times = options.times ?? standardTimes;
    this.#handler = options.handler;
    this.#stack = new DrachtioStack({
      times: this.#times,
      onRequest: (served) => this.#onRequest(served),
      onAck: (ack) => this.#onAck(ack),
    });
    this.#clients = new DrachtioClients({
      secret: options.secret ?? 'cymru',
      hostPorts: () => `udp/127.0.0.1:${this.#stack.port},tcp/127.0.0.1:${this.#stack.port}`,
      onSip: (client, frame) => this.#onSip(client, frame),
    });
  }

  static async start(options: DrachtioServerOptions = {}): Promise<DrachtioStandIn> {
    const server = new DrachtioStandIn(options);
    await server.#stack.start();
    await server.#clients.listen(options.adminPort);
    return server;
  }

  /** SIP. */
  get port(): number {
    return this.#stack.port;
  }

  get adminPort(): number {
    return this.#clients.port;
  }

  /** Gateways that take INVITEs. */
  get gateways(): number {
    return [...this.#clients.clients].filter(({ routes }) => routes.includes('invite')).length;
  }

  /** What clients asked for, in order. */
  get routes(): readonly string[] {
    return [...this.#clients.clients].flatMap(({ routes }) => routes);
  }

  get connections(): number {
    return this.#clients.clients.size;
  }

  get tags(): readonly string[] {
    return [...this.#clients.clients].flatMap(({ tags }) => tags);
  }

  get dialogs(): number {
    return this.#legs.size;
  }

  /** Cuts the connections of all gateways. */
  drop(): void {
    this.#clients.drop();
  }

  async stop(): Promise<void> {
    for (const end of this.#repeating.values()) end();
    await this.#clients.close();
    await this.#stack.stop();
  }

  #onRequest(served: Served): void {
    const { request } = served;
    if (request.method === 'CANCEL') this.#onCancel(served);
    else if (request.to.parameters.get('tag') !== undefined) this.#inDialog(served);
    else if (this.#stack.isMerged(request)) this.#reply(served, 482, 'Loop Detected');
    else void this.#newRequest(served);
  }

  async #newRequest(served: Served): Promise<void> {
    const { request } = served;
    const invite = request.method === 'INVITE';
    if (invite) this.#reply(served, 100, 'Trying', undefined);
    const client =
      invite && this.#handler !== undefined
        ? await this.#clients.reach(this.#handler(request)).catch(() => undefined)
        : this.#clients.choose(request.method);
    if (client === undefined) {
      this.#reply(served, 503, 'Service Unavailable');
      return;
    }
    const txn = randomUUID();
    if (invite) this.#invited.set(txn, { served, client, dialogId: randomUUID(), tag: randomToken() });
    else this.#served.set(txn, { served, leg: undefined });
    const local = ['127.0.0.1', String(this.port)];
    writeFrame(client.socket, ['sip', ...this.#meta(served), txn, '', ...local, ''], frameText(request));
  }

  #onCancel(cancel: Served): void {
    const invite = this.#stack.find(cancel.request);
    const entry = [...this.#invited].find(([, { served }]) => served === invite);
    if (invite === undefined || entry === undefined) {
      this.#reply(cancel, 481, 'Call/Transaction Does Not Exist');
      return;
    }
    const [txn, { client, dialogId, tag }] = entry;
    this.#invited.delete(txn);
    this.#reply(cancel, 200, 'OK', tag);
    this.#reply(invite, 487, 'Request Terminated', tag);
    writeFrame(client.socket, ['sip', ...this.#meta(cancel), txn, dialogId, ''], frameText(cancel.request));
  }

  #inDialog(served: Served): void {
    const { request } = served;
    const leg = [...this.#legs.values()].find((candidate) => matches(candidate, request));
    const gone = leg?.client.socket.destroyed !== false;
    if (leg === undefined || gone) {
      if (leg !== undefined && request.method === 'BYE') this.#legs.delete(leg.id);
      this.#reply(served, 481, 'Call/Transaction Does Not Exist', request.to.parameters.get('tag'));
      return;
    }
    if (request.cseq <= leg.remoteCseq) {
      this.#reply(served, 500, 'Internal Server Error', leg.localTag);
      return;
    }
    leg.remoteCseq = request.cseq;
    const target = contactOf(request)?.uri;
    if (target !== undefined && (request.method === 'INVITE' || request.method === 'UPDATE'))
      leg.target = target;
    if (request.method === 'INVITE') this.#reply(served, 100, 'Trying', leg.localTag);
    if (request.method === 'BYE') this.#legs.delete(leg.id);
    const txn = randomUUID();
    this.#served.set(txn, { served, leg });
    writeFrame(leg.client.socket, ['sip', ...this.#meta(served), txn, leg.id, ''], frameText(request));
  }

  /** ACK for a 200. */
  #onAck(ack: SipRequest): void {
    this.#repeating.get(`${ack.callId} ${ack.cseq}`)?.();
    const leg = [...this.#legs.values()].find((candidate) => matches(candidate, ack));
    if (leg === undefined) return;
    const { host, port = 5060 } = ack.via;
    writeFrame(
      leg.client.socket,
      ['sip', ...metaOf('network', host, port), randomUUID(), leg.id, ''],
      frameText(ack),
    );
  }

  #onSip(client: Client, frame: Frame): void {
    const [, txn = '', dialogId = '', proxy] = frame.words;
    const sip = parseClientSip(frame.sip);
    const refuse = (why: string): void => writeFrame(client.socket, ['response', frame.id, 'NOK', why]);
    const method = sip.startLine.split(' ')[0] ?? '';
    if (sip.startLine.startsWith('SIP/')) this.#respond(client, frame, txn, sip, refuse);
    else if (dialogId !== '') void this.#sendInside(client, frame, dialogId, method, sip, refuse);
    else if (method === 'CANCEL') this.#sendCancel(client, frame, txn, refuse);
    else void this.#sendOutside(client, frame, method, sip, proxy, refuse);
  }

  #respond(client: Client, frame: Frame, txn: string, sip: ClientSip, refuse: (why: string) => void): void {
    const status = Number(sip.startLine.split(' ')[1]);
    const phrase = sip.startLine.split(' ').slice(2).join(' ');
    const invited = this.#invited.get(txn);
    const inside = this.#served.get(txn);
    const served = invited?.served ?? inside?.served;
    if (served === undefined) {
      refuse('Response not sent due to unknown transaction');
      return;
    }
    const tag = invited?.tag ?? inside?.leg?.localTag ?? randomToken();
    const own = `<sip:127.0.0.1:${this.port}>`;
    const { lines, contact } = this.#completed(
      sip,
      own,
      served.request.method === 'INVITE' && status >= 200 && status < 300,
    );
    const text = responseTo(served.request, status, toWire(phrase), tag, lines, sip.body);
    const dialogId = invited?.dialogId ?? inside?.leg?.id ?? '';
    if (status >= 200) {
      this.#invited.delete(txn);
      this.#served.delete(txn);
    }
    const answered = served.request.method === 'INVITE' && status === 200;
    if (invited !== undefined && answered) {
      this.#legs.set(dialogId, incomingLeg(served, dialogId, client, tag, contact));
    }
    this.#stack.respond(served, status, text);
    if (answered) this.#repeat(served, invited === undefined ? undefined : dialogId);
    const meta = metaOf('application', served.packet.source.address, served.packet.source.port);
    const words = ['response', frame.id, 'OK', ...meta, txn, dialogId, '', 'Msg sent:', ''];
    writeFrame(client.socket, words, frameOf(text));
  }

  /** Timers G and H for a 200, which sofia leaves to drachtio; without ACK it says BYE and tells the client. */
  #repeat(served: Served, dialogId: string | undefined): void {
    const { t1, t2 } = this.#times;
    const { request, transaction } = served;
    let wait = t1;
    let timer: NodeJS.Timeout;
    const key = `${request.callId} ${request.cseq}`;
    const again = (): void => {
      if ('retransmitAcceptedResponse' in transaction) transaction.retransmitAcceptedResponse();
      wait = Math.min(t2, wait * 2);
      timer = setTimeout(again, wait);
    };
    timer = setTimeout(again, wait);
    const end = (): void => {
      clearTimeout(timer);
      clearTimeout(giveUp);
      this.#repeating.delete(key);
    };
    const giveUp = setTimeout(() => {
      end();
      const leg = dialogId === undefined ? undefined : this.#legs.get(dialogId);
      if (leg !== undefined) void this.#hangUp(leg, 'ACK timeout');
    }, 64 * t1);
    this.#repeating.set(key, end);
  }

  /** A BYE of the server's own; the client hears of it as if the peer had sent it. */
  async #hangUp(leg: Leg, why: string): Promise<void> {
    this.#legs.delete(leg.id);
    const outgoing = await this.#inside(leg, 'BYE', [`Reason: SIP ;cause=200 ;text="${why}"`], '');
    const text = this.#echo(outgoing);
    const meta = metaOf('application', outgoing.hop.address, outgoing.hop.port);
    writeFrame(leg.client.socket, ['sip', ...meta, 'unsolicited', leg.id, ''], text);
    this.#transmit(outgoing, () => {});
  }

  async #sendOutside(
    client: Client,
    frame: Frame,
    method: string,
    sip: ClientSip,
    proxy: string | undefined,
    refuse: (why: string) => void,
  ): Promise<void> {
    const uri = parseUri(sip.startLine.split(' ')[1] ?? '');
    if (uri === undefined) {
      refuse(`invalid request-uri: ${sip.startLine}`);
      return;
    }
    const hop = await this.#stack.wire.resolveText(proxy || uri.text, undefined).catch(() => undefined);
    if (hop === undefined) {
      refuse('requested protocol/transport not available');
      return;
    }
    const cseq = Number(headerOf(sip, 'cseq')?.split(' ')[0] ?? 1);
    const callId = headerOf(sip, 'call-id') ?? randomUUID();
    const own = `<sip:127.0.0.1:${this.port}>`;
    const { lines, contact } = this.#completed(sip, own, method === 'INVITE');
    const head = [
      `From: ${toWire(headerOf(sip, 'from') ?? `${own};tag=${randomToken()}`)}`,
      `To: ${toWire(headerOf(sip, 'to') ?? `<${uri.text}>`)}`,
      `Call-ID: ${callId}`,
      `CSeq: ${cseq} ${method}`,
      'Max-Forwards: 70',
      ...lines,
      `Content-Length: ${Buffer.byteLength(sip.body)}`,
    ];
    const [txn, dialogId] = [randomUUID(), method === 'INVITE' ? randomUUID() : ''];
    const outgoing: Outgoing = {
      client,
      txn,
      dialogId,
      method,
      hop,
      uri,
      lines: head,
      callId,
      cseq,
      body: sip.body,
    };
    this.#sentOk(client, frame, outgoing);
    if (method === 'INVITE') this.#sendInvite(outgoing, contact);
    else this.#transmit(outgoing, (response) => this.#forward(outgoing, response));
  }

  #sendInvite(outgoing: Outgoing, contact: string): void {
    const { client, txn, dialogId, uri } = outgoing;
    const branch = randomBranch();
    const state = {
      heard: false,
      cancelled: false,
      cancelSent: false,
      accepted: false,
      leg: undefined as Leg | undefined,
    };
    const make = (response: SipResponse): Leg => {
      const leg = outgoingLeg(response, { id: dialogId, client, contact, cancelled: false, source: uri });
      this.#legs.set(dialogId, leg);
      return leg;
    };
    const cancel = (): void => {
      if (!state.cancelled || !state.heard || state.cancelSent) return;
      state.cancelSent = true;
      const lines = outgoing.lines
        .filter((line) => /^(From|To|Call-ID|Max-Forwards|Route): /.test(line))
        .concat(`CSeq: ${outgoing.cseq} CANCEL`, 'Content-Length: 0');
      this.#stack.send(
        'CANCEL',
        { hop: outgoing.hop, branch, lines, uri },
        outgoing.callId,
        outgoing.cseq,
        '',
        () => {},
      );
    };
    this.#inviting.set(txn, {
      cancel: () => {
        state.cancelled = true;
        cancel();
      },
    });
    this.#transmit(
      outgoing,
      (response) => {
        state.heard = true;
        if (typeof response === 'number' || response.status >= 300) this.#inviting.delete(txn);
        else if (response.status < 200) {
          cancel();
          // A reliable provisional response makes the dialog known that its PRACK goes to.
          if (response.headers.get('rseq') !== undefined) state.leg ??= make(response);
        } else if (state.accepted) {
          // Like the original (TimerDHandler): a second 200 is taken for a repetition, also when another phone sent it.
          state.leg?.ack?.();
          return;
        } else {
          state.accepted = true;
          this.#inviting.delete(txn);
          state.leg ??= make(response);
          state.leg.cancelled = state.cancelled;
          state.leg.target = contactOf(response)?.uri ?? state.leg.target;
        }
        this.#forward(outgoing, response);
      },
      branch,
    );
  }

  #sendCancel(client: Client, frame: Frame, txn: string, refuse: (why: string) => void): void {
    const inviting = this.#inviting.get(txn);
    if (inviting === undefined) {
      refuse('Internal server error canceling sip request');
      return;
    }
    inviting.cancel();
    const meta = metaOf('application', '127.0.0.1', this.port);
    const echo = `CANCEL sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx\r\n\r\n`;
    writeFrame(client.socket, ['response', frame.id, 'OK', ...meta, randomUUID(), 'Msg sent:', ''], echo);
  }

  async #sendInside(
    client: Client,
    frame: Frame,
    dialogId: string,
    method: string,
    sip: ClientSip,
    refuse: (why: string) => void,
  ): Promise<void> {
    const leg = this.#legs.get(dialogId);
    if (leg === undefined) {
      refuse(
        `Server error: ${method === 'ACK' ? 'ACK for non-success final response is automatically generated by server' : 'unable to find dialog for dialog id provided'}`,
      );
      return;
    }
    const { lines } = this.#completed(sip, leg.contact, method === 'INVITE');
    const outgoing = await this.#inside(leg, method, lines, sip.body);
    this.#sentOk(client, frame, outgoing);
    if (method === 'ACK') {
      const text = [`ACK ${outgoing.uri.text} SIP/2.0`, ...outgoing.lines];
      leg.ack = () => void this.#stack.sendAck(outgoing.hop, text, sip.body).catch(() => {});
      leg.ack();
      if (leg.cancelled) await this.#hangUp(leg, 'ACK-BYE due to cancel race condition');
      return;
    }
    this.#transmit(outgoing, (response) => {
      const status = typeof response === 'number' ? response : response.status;
      if (method === 'INVITE' && typeof response !== 'number' && status === 200) {
        if (leg.inviteCseq === outgoing.cseq && leg.ack !== undefined) return leg.ack();
        leg.inviteCseq = outgoing.cseq;
        leg.ack = undefined;
        leg.target = contactOf(response)?.uri ?? leg.target;
      }
      if (method === 'BYE' && status >= 200 && status !== 401 && status !== 407) this.#legs.delete(leg.id);
      this.#forward(outgoing, response);
    });
  }

  /** A request inside a dialog: the server knows URI, route and CSeq. */
  async #inside(leg: Leg, method: string, lines: readonly string[], body: string): Promise<Outgoing> {
    const cseq = method === 'ACK' ? leg.inviteCseq : ++leg.cseq;
    const hop = await this.#stack.wire.resolveText(leg.target.text, leg.route[0]);
    const head = [
      ...leg.route.map((route) => `Route: ${route}`),
      `From: ${leg.from}`,
      `To: ${leg.to}`,
      `Call-ID: ${leg.callId}`,
      `CSeq: ${cseq} ${method}`,
      'Max-Forwards: 70',
      ...lines,
      `Content-Length: ${Buffer.byteLength(body)}`,
    ];
    const { client, id: dialogId, callId, target: uri } = leg;
    return { client, txn: randomUUID(), dialogId, method, hop, uri, lines: head, callId, cseq, body };
  }

  #transmit(
    outgoing: Outgoing,
    onResponse: (response: SipResponse | 408 | 503) => void,
    branch = randomBranch(),
  ): void {
    const { method, hop, lines, uri, callId, cseq, body } = outgoing;
    this.#stack.send(method, { hop, branch, lines, uri }, callId, cseq, body, onResponse);
  }

  #forward(outgoing: Outgoing, response: SipResponse | 408 | 503): void {
    const { client, txn, dialogId, hop } = outgoing;
    const text = typeof response === 'number' ? this.#madeUp(outgoing, response) : frameText(response);
    writeFrame(client.socket, ['sip', ...metaOf('network', hop.address, hop.port), txn, dialogId, ''], text);
  }

  /** Sofia answers in the peer's place when nobody does. */
  #madeUp(outgoing: Outgoing, status: 408 | 503): string {
    const phrase = status === 408 ? 'Request Timeout' : 'Service Unavailable';
    const kept = outgoing.lines.filter((line) => /^(From|To|Call-ID|CSeq): /.test(line));
    const via = `Via: SIP/2.0/UDP 127.0.0.1:${this.port};branch=z9hG4bKnone`;
    return `${[`SIP/2.0 ${status} ${phrase}`, via, ...kept, 'Content-Length: 0'].join('\r\n')}\r\n\r\n`;
  }

  #sentOk(client: Client, frame: Frame, outgoing: Outgoing): void {
    const meta = metaOf('application', outgoing.hop.address, outgoing.hop.port);
    const words = ['response', frame.id, 'OK', ...meta, outgoing.txn, 'Msg sent:', ''];
    writeFrame(client.socket, words, this.#echo(outgoing));
  }

  #echo({ method, uri, lines, body }: Outgoing): string {
    const via = `Via: SIP/2.0/UDP 127.0.0.1:${this.port};branch=z9hG4bKecho`;
    return frameOf(`${[`${method} ${uri.text} SIP/2.0`, via, ...lines].join('\r\n')}\r\n\r\n${body}`);
  }

  /** The client's own headers: dialog headers are dropped, `@localhost` becomes our address, Contact and type are added. */
  #completed(sip: ClientSip, ownContact: string, withContact: boolean): { lines: string[]; contact: string } {
    const host = `@${hostInUri('127.0.0.1')}:${this.port}`;
    let contact = ownContact;
    const lines: string[] = [];
    for (const [name, value] of sip.headers) {
      if (dialogHeaders.has(name.toLowerCase())) continue;
      const isContact = name.toLowerCase() === 'contact';
      const written = isContact ? value.replace('@localhost', host) : value;
      if (isContact) contact = written;
      lines.push(`${capitalized(name)}: ${toWire(written)}`);
    }
    const has = (name: string): boolean => headerOf(sip, name) !== undefined;
    if (withContact && !has('contact')) lines.push(`Contact: ${ownContact}`);
    if (sip.body.startsWith('v=0') && !has('content-type')) lines.push('Content-Type: application/sdp');
    return { lines, contact };
  }

  #reply(served: Served, status: number, phrase: string, tag: string | undefined = randomToken()): void {
    const text = responseTo(served.request, status, phrase, status === 100 ? undefined : tag);
    this.#stack.respond(served, status, text);
  }

  #meta({ packet }: Served): string[] {
    return metaOf('network', packet.source.address, packet.source.port);
  }
}

/** A message of ours as a frame holds it. */
function frameOf(wireText: string): string {
  const end = wireText.indexOf('\r\n\r\n') + 4;
  const bytes = Buffer.concat([
    Buffer.from(wireText.slice(0, end), 'latin1'),
    Buffer.from(wireText.slice(end), 'utf8'),
  ]);
  const parsed = parseMessage(bytes, { address: '127.0.0.1', port: 5060 }, 'udp');
  if (!parsed.ok)
    throw new Error(`the stand-in wrote what it cannot read (${parsed.fault.reason}):\n${wireText}`);
  return frameText(parsed.message);
}

/** As capitalizeAfterDash of drachtio.cpp, with the names that sofia spells otherwise. */
function capitalized(name: string): string {
  return name
    .toLowerCase()
    .replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase())
    .replace(/^Www-/, 'WWW-')
    .replace(/^Rack$/, 'RAck');
}
