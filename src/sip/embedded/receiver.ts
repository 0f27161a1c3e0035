import type { Log } from '../../log.ts';
import type { Counters } from '../counters.ts';
import { headerLine } from '../header-line.ts';
import type { SipRequest, SipResponse } from '../message.ts';
import { type ParseFault, parseMessage } from '../message-parser.ts';
import { admit } from '../request-admission.ts';
import { responseText } from '../response-text.ts';
import { hostInUri } from '../sip-uri.ts';
import type { SourceLimiter } from '../token-bucket.ts';
import type { Packet } from '../transport/packet.ts';
import type { EmbeddedCore } from './core.ts';
import type { DialogIndex } from './dialog-index.ts';
import { contactOf, IncomingRequest, IncomingResponse, sdpOf, transactionId } from './incoming-message.ts';
import { ServerChannel } from './server-channel.ts';
import { servedMethods } from './sip-js.ts';
import type { Wire } from './wire.ts';

export interface ReceiverOptions {
  readonly core: EmbeddedCore;
  readonly dialogs: DialogIndex;
  readonly wire: Wire;
  readonly limiter: SourceLimiter;
  readonly log: Log;
  /** Status that OPTIONS is answered with. */
  readonly optionsStatus: () => number;
}

/** The way of every packet: rate, parser, admission, then sip.js. Nothing gets out of here as an exception. */
export class Receiver {
  readonly #options: ReceiverOptions;
  readonly #counters: Counters;

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#counters = options.wire.counters;
  }

  receive(packet: Packet): void {
    try {
      this.#receive(packet);
    } catch (error) {
      this.#counters.add('dropped.exception');
      this.#options.log.warn({ err: error, source: packet.source.address }, 'SIP message dropped: a bug');
    }
  }

  #receive(packet: Packet): void {
    if (!this.#options.limiter.admit(packet.source.address, performance.now())) {
      this.#drop('rate');
      return;
    }
    const parsed = parseMessage(packet.bytes, packet.source, packet.transport);
    if (!parsed.ok) this.#refuse(parsed.fault, packet);
    else if (parsed.message.kind === 'response') this.#response(parsed.message, packet);
    else this.#request(parsed.message, packet);
  }

  #drop(reason: string): void {
    this.#counters.add(`dropped.${reason}`);
  }

  #refuse(fault: ParseFault, packet: Packet): void {
    this.#drop(fault.reason);
    this.#options.log.debug({ reason: fault.reason, source: packet.source.address }, 'malformed SIP message');
    if (fault.answer === undefined) return;
    const { status, phrase, to } = fault.answer;
    const channel = new ServerChannel(this.#options.wire, packet, to.via, to.method);
    channel.sendOnce(responseText(to.headers, status, phrase));
  }

  #response(source: SipResponse, packet: Packet): void {
    this.#counters.add('received.response');
    const response = new IncomingResponse(completed(source, packet));
    const channel = this.#options.core.channelFor(response);
    if (channel === undefined) {
      this.#drop('stray-response');
      return;
    }
    channel.responded(source.status);
    this.#options.core.receiveIncomingResponseFromTransport(response);
  }

  #request(source: SipRequest, packet: Packet): void {
    this.#counters.add(
      `received.${servedMethods.includes(source.method as 'INVITE') ? source.method : 'other'}`,
    );
    const { core, wire } = this.#options;
    const channel = new ServerChannel(wire, packet, source.via, source.method);
    const known = core.userAgentServers.get(transactionId(source));
    if (known === undefined && !this.#admitted(source, channel)) return;
    const request = new IncomingRequest(source);
    if (source.method === 'ACK') acknowledge(known);
    else if (known === undefined && this.#served(request, channel)) return;
    core.deliverRequest(request, channel);
  }

  /** False when the request was answered without a transaction. */
  #admitted(source: SipRequest, channel: ServerChannel): boolean {
    const reply = (status: number, phrase: string, lines: readonly string[]): false => {
      if (source.method !== 'ACK') channel.sendOnce(responseText(source.headers, status, phrase, lines));
      return false;
    };
    const admission = admit(source, servedMethods);
    if (admission.kind === 'answer') return reply(admission.status, admission.phrase, admission.lines);
    const inDialog = source.to.parameters.get('tag') !== undefined;
    if (!inDialog && this.#options.core.servers.isMerged(source, transactionId(source))) {
      return reply(482, 'Loop Detected', []);
    }
    if (source.method === 'OPTIONS' && !inDialog) {
      const status = this.#options.optionsStatus();
      return reply(status, status === 200 ? 'OK' : 'Service Unavailable', capabilities(status));
    }
    return true;
  }

  /** True when one of our dialogs took the request, which sip.js then must not see. */
  #served(request: IncomingRequest, channel: ServerChannel): boolean {
    const { core, dialogs } = this.#options;
    if (request.method !== 'UPDATE' && request.toTag === '') return false;
    const leg = dialogs.find(request);
    return core.asServer(channel, () => {
      if (request.method !== 'UPDATE') return leg?.refuses(request) ?? false;
      if (leg !== undefined) leg.receiveUpdate(request);
      else this.#strayUpdate(request);
      return true;
    });
  }

  /** UPDATE in an early dialog of ours that is not answered yet, or in none. */
  #strayUpdate(request: IncomingRequest): void {
    const { core } = this.#options;
    const early = core.dialogs.has(request.callId + request.toTag + request.fromTag);
    if (!early) core.replyStateless(request, { statusCode: 481 });
    else if (sdpOf(request.source) === undefined) core.replyStateless(request, { statusCode: 200 });
    else core.replyStateless(request, { statusCode: 500, extraHeaders: [headerLine('Retry-After', '2')] });
  }
}

function acknowledge(server: { readonly transaction: { readonly transport: unknown } } | undefined): void {
  const transport = server?.transaction.transport;
  if (transport instanceof ServerChannel) transport.acknowledged();
}

function capabilities(status: number): string[] {
  const lines = [headerLine('Allow', servedMethods.join(', ')), headerLine('Accept', 'application/sdp')];
  return status === 503 ? [...lines, headerLine('Retry-After', '10')] : lines;
}

/**
 * sip.js drops 1xx and 2xx to INVITE that have no Contact, and 18x that have no To tag; many gateways send such. What is
 * missing is made up from where the response came from, which is where requests of the dialog go then.
 */
function completed(source: SipResponse, packet: Packet): SipResponse {
  if (source.method !== 'INVITE' || source.status === 100 || source.status >= 300) return source;
  if (contactOf(source) === undefined) {
    const { address, port } = packet.source;
    const parameter = packet.transport === 'udp' ? '' : `;transport=${packet.transport}`;
    const user = source.to.uri.user;
    const at = user === undefined ? '' : `${user}@`;
    source.headers.set('contact', [`<sip:${at}${hostInUri(address)}:${port}${parameter}>`]);
  }
  if (source.status >= 200 || source.to.parameters.get('tag') !== undefined) return source;
  const to = { ...source.to, parameters: new Map([...source.to.parameters, ['tag', 'none']]) };
  return { ...source, to };
}
