import type { SipRequest, SipResponse } from '../message.ts';
import { contactOf, contentType } from '../message-body.ts';
import type { NameAddr } from '../name-addr.ts';
import type { SipUri } from '../sip-uri.ts';
import { IncomingRequestMessage, IncomingResponseMessage, NameAddrHeader, URI } from './sip-js.ts';

export { contactOf, contentType, sdpOf } from '../message-body.ts';

/** A URI that is written exactly as it was received: sip.js' own would unescape, escape again and throw on a lone `%`. */
export class ExactUri extends URI {
  readonly text: string;

  constructor(uri: SipUri) {
    // tel: has no host, and sip.js refuses to serve any scheme but sip; neither is looked at when the text is written.
    super(uri.scheme === 'tel' ? 'sip' : uri.scheme, uri.user ?? '', uri.host || 'invalid', uri.port);
    this.text = uri.text;
  }

  override clone(): ExactUri {
    return this;
  }

  override toString(): string {
    return this.text;
  }

  override toRaw(): string {
    return this.text;
  }
}

/** sip.js' message, reading from ours: its grammar (over 1 ms per message) is never called. */
export class IncomingRequest extends IncomingRequestMessage {
  readonly source: SipRequest;

  constructor(source: SipRequest) {
    super();
    this.source = source;
    this.ruri = new ExactUri(source.uri);
    fill(this, source);
    this.viaBranch = transactionId(source);
  }

  override getHeader(name: string): string | undefined {
    return this.source.headers.get(name.toLowerCase());
  }

  override getHeaders(name: string): string[] {
    return listed(this.source, name.toLowerCase());
  }

  override hasHeader(name: string): boolean {
    return this.getHeader(name) !== undefined;
  }

  override parseHeader(name: string): unknown {
    return parsed(this.source, name.toLowerCase());
  }
}

export class IncomingResponse extends IncomingResponseMessage {
  readonly source: SipResponse;

  constructor(source: SipResponse) {
    super();
    this.source = source;
    fill(this, source);
    this.viaBranch = source.via.branch ?? '';
    this.statusCode = source.status;
    this.reasonPhrase = source.reason;
  }

  override getHeader(name: string): string | undefined {
    return this.source.headers.get(name.toLowerCase());
  }

  override getHeaders(name: string): string[] {
    return listed(this.source, name.toLowerCase());
  }

  override hasHeader(name: string): boolean {
    return this.getHeader(name) !== undefined;
  }

  override parseHeader(name: string): unknown {
    return parsed(this.source, name.toLowerCase());
  }
}

function fill(
  target: IncomingRequestMessage | IncomingResponseMessage,
  source: SipRequest | SipResponse,
): void {
  target.method = source.method;
  target.callId = source.callId;
  target.cseq = source.cseq;
  target.from = nameAddrHeader(source.from);
  target.to = nameAddrHeader(source.to);
  target.fromTag = source.from.parameters.get('tag') ?? '';
  target.toTag = source.to.parameters.get('tag') ?? '';
  target.body = source.body;
  target.via = { host: source.via.host, port: source.via.port ?? 5060 };
  target.data = '';
}

function nameAddrHeader(value: NameAddr): NameAddrHeader {
  return new NameAddrHeader(new ExactUri(value.uri), '', tagOf(value));
}

/** Of the parameters sip.js asks for the tag alone. */
function tagOf(value: NameAddr): { [name: string]: string } {
  const tag = value.parameters.get('tag');
  return tag === undefined ? {} : { tag };
}

function listed(source: SipRequest | SipResponse, name: string): string[] {
  const isList = name === 'record-route' || name === 'route';
  return isList ? source.headers.list(name) : [...source.headers.all(name)];
}

function parsed(source: SipRequest | SipResponse, name: string): unknown {
  switch (name) {
    case 'to':
      return nameAddrHeader(source.to);
    case 'contact': {
      const contact = contactOf(source);
      return contact === undefined ? undefined : nameAddrHeader(contact);
    }
    case 'content-type':
      return contentType(source);
    case 'content-disposition': {
      const type = source.headers.get(name)?.split(';')[0]?.trim().toLowerCase();
      return type === undefined ? undefined : { type };
    }
    default:
      // Challenges, among others: authentication is ours, and undefined makes sip.js hand the 401 up.
      return undefined;
  }
}

/**
 * RFC 3261 §17.2.3: branch, sent-by and method make a transaction; CANCEL and ACK belong to their INVITE. sip.js compares the
 * branch alone, so all three go into what it takes for the branch.
 */
export function transactionId(request: SipRequest): string {
  const { via } = request;
  const kind = request.method === 'ACK' || request.method === 'CANCEL' ? 'INVITE' : request.method;
  const branch = /^z9hG4bK./s.test(via.branch ?? '')
    ? via.branch
    : `${request.callId} ${request.cseq} ${request.from.parameters.get('tag')} ${request.uri.text}`;
  return `${branch} ${via.host}:${via.port ?? 5060} ${kind}`;
}
