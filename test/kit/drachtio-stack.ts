import { InviteClientTransaction, NonInviteClientTransaction } from 'sip.js/lib/core/index.js';
import { silentLog } from '../../src/log.ts';
import { Counters } from '../../src/sip/counters.ts';
import { ClientChannel } from '../../src/sip/embedded/client-channel.ts';
import {
  ExactUri,
  IncomingRequest,
  IncomingResponse,
  transactionId,
} from '../../src/sip/embedded/incoming-message.ts';
import { encodeMessage, OutgoingRequest, randomBranch } from '../../src/sip/embedded/outgoing-message.ts';
import { ServerChannel } from '../../src/sip/embedded/server-channel.ts';
import {
  InviteServerTransaction,
  LoggerFactory,
  NonInviteServerTransaction,
  prepareSipJs,
  type SipTimes,
  standardTimes,
} from '../../src/sip/embedded/sip-js.ts';
import { Wire } from '../../src/sip/embedded/wire.ts';
import type { SipRequest, SipResponse } from '../../src/sip/message.ts';
import { parseMessage } from '../../src/sip/message-parser.ts';
import { responseText } from '../../src/sip/response-text.ts';
import type { SipUri } from '../../src/sip/sip-uri.ts';
import type { Hop, Packet } from '../../src/sip/transport/packet.ts';
import { SipSockets } from '../../src/sip/transport/sip-sockets.ts';

/** The server transaction of a request from the network. */
export interface Served {
  readonly request: SipRequest;
  readonly packet: Packet;
  readonly transaction: InviteServerTransaction | NonInviteServerTransaction;
  readonly channel: ServerChannel;
  final: number | undefined;
}

export interface Sent {
  readonly hop: Hop;
  readonly branch: string;
  readonly lines: readonly string[];
  readonly uri: SipUri;
}

interface Waiting {
  readonly transaction: InviteClientTransaction | NonInviteClientTransaction;
  readonly channel: ClientChannel;
  /** Called with every 2xx to INVITE after the first: sip.js keeps those to itself. */
  readonly onRepeated: (response: SipResponse) => void;
  accepted: boolean;
}

const loggerFactory = new LoggerFactory();
loggerFactory.builtinEnabled = false;

/** Transport and transactions of the stand-in: those of the embedded engine, so that both engines see the same wire. */
export class DrachtioStack {
  readonly wire: Wire;
  readonly #sockets: SipSockets;
  readonly #servers = new Map<string, Served>();
  readonly #clients = new Map<string, Waiting>();
  readonly #onRequest: (served: Served) => void;
  readonly #onAck: (ack: SipRequest) => void;

  constructor(options: {
    readonly times?: SipTimes;
    readonly onRequest: (served: Served) => void;
    /** An ACK for a 2xx. */
    readonly onAck: (ack: SipRequest) => void;
  }) {
    prepareSipJs(options.times ?? standardTimes, randomBranch);
    this.#onRequest = options.onRequest;
    this.#onAck = options.onAck;
    this.#sockets = new SipSockets({
      addresses: ['127.0.0.1'],
      port: 0,
      transports: ['udp', 'tcp'],
      log: silentLog,
      onPacket: (packet) => this.#receive(packet),
      onDrop: () => {},
    });
    this.wire = new Wire({ sockets: this.#sockets, counters: new Counters(), publicAddress: undefined });
  }

  start(): Promise<void> {
    return this.#sockets.start();
  }

  async stop(): Promise<void> {
    for (const { transaction } of [...this.#servers.values(), ...this.#clients.values()])
      transaction.dispose();
    this.wire.stop();
    await this.#sockets.stop();
  }

  get port(): number {
    return this.#sockets.port('udp');
  }

  /** The INVITE transaction that a CANCEL is about. */
  find(request: SipRequest): Served | undefined {
    return this.#servers.get(transactionId(request));
  }

  /** An INVITE that came before on another path (RFC 3261 §8.2.2.2). */
  isMerged(request: SipRequest): boolean {
    return [...this.#servers.values()].some(
      ({ request: other }) =>
        other !== request &&
        other.callId === request.callId &&
        other.cseq === request.cseq &&
        other.method === request.method &&
        other.from.parameters.get('tag') === request.from.parameters.get('tag'),
    );
  }

  respond(served: Served, status: number, text: string): void {
    if (status >= 200) served.final = status;
    served.transaction.receiveResponse(status, text);
  }

  /** Sends a request; `lines` without Via. `onResponse` gets 408 after a timeout and 503 when it cannot be sent, as from sofia. */
  send(
    method: string,
    request: Sent,
    callId: string,
    cseq: number,
    body: string,
    onResponse: (response: SipResponse | 408 | 503) => void,
  ): void {
    const { hop, branch, lines, uri } = request;
    const target = new ExactUri(uri);
    const message = new ClientRequest(method, target, target, target, { callId, cseq });
    message.head = [`${method} ${uri.text} SIP/2.0`, ...lines];
    message.content = body;
    message.branch = branch;
    for (const name of ['From', 'To', 'Route'] as const) {
      const line = lines.find((candidate) => candidate.startsWith(`${name}: `));
      if (line !== undefined) message.setHeader(name, line.slice(name.length + 2));
    }
    const channel = new ClientChannel(this.wire, hop, () => hop);
    const key = branch + method;
    const user = {
      loggerFactory,
      receiveResponse: (response: unknown) => {
        if (response instanceof IncomingResponse) onResponse(response.source);
      },
      onRequestTimeout: () => onResponse(408),
      onTransportError: () => onResponse(503),
      onStateChange: (state: string) => {
        if (state === 'Terminated') this.#clients.delete(key);
      },
    };
    const Transaction = method === 'INVITE' ? InviteClientTransaction : NonInviteClientTransaction;
    this.#clients.set(key, {
      transaction: new Transaction(message, channel, user),
      channel,
      onRepeated: onResponse,
      accepted: false,
    });
    let refused = false;
    if (method !== 'CANCEL')
      this.wire.watchRefusal(hop, () => {
        if (!refused && this.#clients.has(key)) onResponse(503);
        refused = true;
        channel.stop();
      });
  }

  /** ACK for a 2xx: no transaction. */
  async sendAck(hop: Hop, lines: readonly string[], body: string): Promise<void> {
    const local = await this.#sockets.localAddresses.towards(hop.address);
    const branch = randomBranch();
    await this.#sockets.sendRequest(hop, (transport) => {
      const sentBy = this.wire.sentBy(local, { transport, address: hop.address });
      const via = `Via: SIP/2.0/${transport.toUpperCase()} ${sentBy};branch=${branch};rport`;
      return encodeMessage(`${[lines[0], via, ...lines.slice(1)].join('\r\n')}\r\n\r\n${body}`);
    });
  }

  #receive(packet: Packet): void {
    const parsed = parseMessage(packet.bytes, packet.source, packet.transport);
    if (!parsed.ok) return;
    if (parsed.message.kind === 'response') this.#response(parsed.message);
    else this.#request(parsed.message, packet);
  }

  #response(source: SipResponse): void {
    const waiting = this.#clients.get(`${source.via.branch}${source.method}`);
    if (waiting === undefined) return;
    waiting.channel.responded(source.status);
    if (waiting.accepted) {
      waiting.onRepeated(source);
      return;
    }
    waiting.accepted = source.method === 'INVITE' && source.status >= 200 && source.status < 300;
    waiting.transaction.receiveResponse(new IncomingResponse(source));
  }

  #request(source: SipRequest, packet: Packet): void {
    const id = transactionId(source);
    const known = this.#servers.get(id);
    if (source.method === 'ACK') {
      known?.channel.acknowledged();
      if (known?.transaction instanceof InviteServerTransaction && (known.final ?? 0) >= 300)
        known.transaction.receiveRequest(new IncomingRequest(source));
      else this.#onAck(source);
      return;
    }
    if (known !== undefined && source.method !== 'CANCEL') {
      known.transaction.receiveRequest(new IncomingRequest(source));
      return;
    }
    const channel = new ServerChannel(this.wire, packet, source.via, source.method);
    const request = new IncomingRequest(source);
    const key = source.method === 'CANCEL' ? `${id} CANCEL` : id;
    const again = this.#servers.get(key);
    if (again !== undefined) {
      again.transaction.receiveRequest(request);
      return;
    }
    const user = {
      loggerFactory,
      onStateChange: (state: string) => {
        if (state === 'Terminated') this.#servers.delete(key);
      },
    };
    const Transaction = source.method === 'INVITE' ? InviteServerTransaction : NonInviteServerTransaction;
    const transaction = new Transaction(request, channel, user);
    const served: Served = { request: source, packet, transaction, channel, final: undefined };
    this.#servers.set(key, served);
    this.#onRequest(served);
  }
}

/** A whole response; From, To, Call-ID, CSeq and Via are the request's, To with `tag`. */
export function responseTo(
  request: SipRequest,
  status: number,
  phrase: string,
  tag: string | undefined,
  lines: readonly string[] = [],
  body = '',
): string {
  const text = responseText(request.headers, status, phrase, lines);
  const own =
    tag === undefined
      ? text
      : text.replace(/(\r\nTo: [^\r]*?)(?:;tag=[^\r]*)?\r\n/, (_, to) => `${to};tag=${tag}\r\n`);
  return own.replace(
    /Content-Length: 0\r\n\r\n$/,
    () => `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

class ClientRequest extends OutgoingRequest {
  head: readonly string[] = [];
  content = '';

  override setViaHeader(_id: string, _transport: string): void {
    this.setHeader('via', `SIP/2.0/UDP invalid;branch=${this.branch}`);
  }

  override toString(): string {
    const via = `Via: SIP/2.0/UDP invalid;branch=${this.branch}`;
    return `${[this.head[0], via, ...this.head.slice(1)].join('\r\n')}\r\n\r\n${this.content}`;
  }
}
