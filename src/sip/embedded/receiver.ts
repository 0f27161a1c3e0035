import type { Log } from '../../log.ts';
import type { CallerAdmission } from '../caller-admission.ts';
import type { Counters } from '../counters.ts';
import { headerLine } from '../header-line.ts';
import type { SipRequest, SipResponse } from '../message.ts';
import { type ParseFault, parseMessage } from '../message-parser.ts';
import type { NameAddr } from '../name-addr.ts';
import { admit } from '../request-admission.ts';
import { responseText } from '../response-text.ts';
import { countedMethod } from '../served-methods.ts';
import { optionsAnswer, type ServiceState } from '../service-state.ts';
import { hostInUri, type SipUri } from '../sip-uri.ts';
import type { SourceAdmission, Verdict } from '../source-admission.ts';
import type { Packet } from '../transport/packet.ts';
import type { EmbeddedCore } from './core.ts';
import type { DialogIndex } from './dialog-index.ts';
import { contactOf, IncomingRequest, IncomingResponse, sdpOf, transactionId } from './incoming-message.ts';
import { ServerChannel } from './server-channel.ts';
import type { Wire } from './wire.ts';

export interface ReceiverOptions {
  readonly core: EmbeddedCore;
  readonly dialogs: DialogIndex;
  readonly wire: Wire;
  readonly admission: SourceAdmission;
  readonly callers: CallerAdmission;
  readonly log: Log;
  /** What OPTIONS is answered with. */
  readonly service: () => ServiceState;
}

/** They mean nothing outside of a dialog (RFC 3261 §15.1.2, RFC 3262 §3, RFC 3311 §5.2, RFC 6086 §4.2.2, RFC 6665 §4.1.3); sip.js throws on one. */
const needsDialog: ReadonlySet<string> = new Set(['BYE', 'INFO', 'NOTIFY', 'PRACK', 'UPDATE']);
/** Their dialog is found by us: sip.js does not know them, or has another idea of them. */
const ownMethods: ReadonlySet<string> = new Set(['NOTIFY', 'REFER', 'UPDATE']);

/** The way of every packet: its source, parser, admission, then sip.js. Nothing gets out of here as an exception. */
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
    const { admission } = this.#options;
    const verdict = admission.admit(packet.bytes, packet.source.address, performance.now());
    if (verdict !== 'admitted') {
      this.#turnAway(verdict, packet);
      return;
    }
    const parsed = parseMessage(packet.bytes, packet.source, packet.transport);
    if (!parsed.ok) this.#refuse(parsed.fault, packet);
    else if (parsed.message.kind === 'response') this.#response(parsed.message, packet);
    else this.#request(parsed.message, packet);
  }

  /** Those who are not served. What is over its rate is never answered: the source may be forged, and the answers a flood. */
  #turnAway(verdict: Verdict, packet: Packet): void {
    this.#drop(verdict);
    if (verdict === 'rate') return;
    if (this.#options.admission.refusal === 'silent') {
      packet.connection?.close();
      return;
    }
    const parsed = parseMessage(packet.bytes, packet.source, packet.transport);
    if (!parsed.ok || parsed.message.kind === 'response' || parsed.message.method === 'ACK') return;
    const { headers, via, method } = parsed.message;
    const channel = new ServerChannel(this.#options.wire, packet, via, method);
    channel.sendOnce(responseText(headers, 403, 'Forbidden'));
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
    if (channel.hop !== undefined) this.#options.wire.seen.learn(channel.hop, source.via);
    if (source.method === 'REGISTER' && source.status >= 200 && source.status < 300)
      this.#registered(source, packet);
    this.#options.core.receiveIncomingResponseFromTransport(response);
  }

  /** Whoever accepts our registration is our PBX, under whatever name it was configured. */
  #registered({ to: { uri } }: SipResponse, { source: { address, port } }: Packet): void {
    this.#options.admission.trust(address);
    this.#options.callers.registeredAt(uri.user, uri.host, address, port);
  }

  #request(source: SipRequest, packet: Packet): void {
    this.#counters.add(`received.${countedMethod(source.method)}`);
    const { core, wire } = this.#options;
    const id = transactionId(source);
    const channel = new ServerChannel(wire, packet, source.via, source.method, (answer) =>
      core.servers.answered(id, answer.toString('latin1')),
    );
    const known = core.servers.get(id);
    if (known === undefined && this.#isRepetition(source, id, channel)) return;
    if (known === undefined && !this.#admitted(source, id, channel)) return;
    this.#completeInvite(source, packet);
    const request = new IncomingRequest(source);
    if (source.method === 'ACK') acknowledge(known);
    else if (known === undefined && this.#served(request, channel)) return;
    core.deliverRequest(request, channel);
  }

  /** True when it belongs to a transaction that is finished; its repetitions get what they need. */
  #isRepetition(request: SipRequest, id: string, channel: ServerChannel): boolean {
    const { method, headers } = request;
    const { servers } = this.#options.core;
    if (method === 'ACK') return false;
    if (method === 'INVITE') {
      const taken = request.to.parameters.has('tag') ? undefined : servers.takenAs(request);
      if (taken !== undefined && taken !== id) channel.sendOnce(responseText(headers, 482, 'Loop Detected'));
      return taken !== undefined;
    }
    if (method === 'CANCEL') {
      const tag = servers.tagOfTaken(id);
      // RFC 3261 §9.2: it has no effect any more.
      if (tag !== undefined) channel.sendOnce(responseText(headers, 200, 'OK', [], tag));
      return tag !== undefined;
    }
    const answer = servers.answerTo(id);
    if (answer !== undefined) channel.sendAgain(answer);
    return answer !== undefined;
  }

  /** RFC 2543 let an INVITE do without Contact (RFC 4475 §3.4.1); sip.js does not. Inside a dialog the target stays what it was. */
  #completeInvite(source: SipRequest, packet: Packet): void {
    if (source.method !== 'INVITE' || contactOf(source) !== undefined) return;
    const tag = (party: NameAddr): string => party.parameters.get('tag') ?? '';
    const dialog = this.#options.core.dialogs.get(source.callId + tag(source.to) + tag(source.from));
    if (dialog === undefined) addContact(source, source.from.uri, packet);
    else source.headers.set('contact', [`<${dialog.remoteTarget.toRaw()}>`]);
  }

  /** False when the request was answered without a transaction. */
  #admitted(source: SipRequest, id: string, channel: ServerChannel): boolean {
    const reply = (status: number, phrase: string, lines: readonly string[]): false => {
      if (source.method !== 'ACK') channel.sendOnce(responseText(source.headers, status, phrase, lines));
      return false;
    };
    const admission = admit(source);
    if (admission.kind === 'answer') return reply(admission.status, admission.phrase, admission.lines);
    const inDialog = source.to.parameters.get('tag') !== undefined;
    if (!inDialog && needsDialog.has(source.method)) return reply(481, 'Call/Transaction Does Not Exist', []);
    if (!inDialog && this.#options.core.servers.isMerged(source, id)) {
      return reply(482, 'Loop Detected', []);
    }
    if (source.method === 'INVITE' && !inDialog && this.#isRefused(source, channel)) {
      this.#drop('source');
      if (this.#options.admission.refusal === 'reject') return reply(403, 'Forbidden', []);
      channel.origin.connection?.close();
      return false;
    }
    if (source.method === 'INVITE' && !inDialog && !this.#mayCall(channel)) {
      this.#drop('call-rate');
      return reply(503, 'Service Unavailable', [headerLine('Retry-After', '10')]);
    }
    if (source.method === 'OPTIONS' && !inDialog) {
      const { status, phrase, lines } = optionsAnswer(this.#options.service());
      return reply(status, phrase, lines);
    }
    return true;
  }

  /** The account that it would belong to does not take calls from there. */
  #isRefused(source: SipRequest, channel: ServerChannel): boolean {
    return this.#options.callers.choose(source, channel.origin.source).caller === 'refused';
  }

  #mayCall(channel: ServerChannel): boolean {
    return this.#options.admission.admitCall(channel.origin.source.address, performance.now());
  }

  /** True when one of our dialogs took the request, which sip.js then must not see. */
  #served(request: IncomingRequest, channel: ServerChannel): boolean {
    const { core, dialogs } = this.#options;
    const own = ownMethods.has(request.method);
    if (!own && request.toTag === '') return false;
    const leg = dialogs.find(request);
    return core.asServer(channel, () => {
      if (!own) return leg?.refuses(request) ?? false;
      if (request.method === 'UPDATE' && leg === undefined) this.#strayUpdate(request);
      else if (request.method === 'UPDATE') leg?.receiveUpdate(request);
      else if (leg === undefined) core.replyStateless(request, { statusCode: 481 });
      else leg.receiveTransfer(request);
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

/** A Contact for a message that makes a dialog and has none: where it came from is where requests of the dialog go then. */
function addContact(source: SipRequest | SipResponse, party: SipUri, packet: Packet): void {
  if (contactOf(source) !== undefined) return;
  const { address, port } = packet.source;
  const parameter = packet.transport === 'udp' ? '' : `;transport=${packet.transport}`;
  // What other schemes have before their parameters is no user part.
  const user = party.scheme === 'sip' || party.scheme === 'sips' ? party.user : undefined;
  const at = user === undefined ? '' : `${user}@`;
  source.headers.set('contact', [`<sip:${at}${hostInUri(address)}:${port}${parameter}>`]);
}

/**
 * sip.js drops 1xx and 2xx to INVITE that have no Contact, and 18x that have no To tag; many gateways send such. What is
 * missing is made up from where the response came from, which is where requests of the dialog go then.
 */
function completed(source: SipResponse, packet: Packet): SipResponse {
  if (source.method !== 'INVITE' || source.status === 100 || source.status >= 300) return source;
  addContact(source, source.to.uri, packet);
  if (source.status >= 200 || source.to.parameters.get('tag') !== undefined) return source;
  const to = { ...source.to, parameters: new Map([...source.to.parameters, ['tag', 'none']]) };
  return { ...source, to };
}
