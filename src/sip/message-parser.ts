import type { SipTransport } from '../config/config.ts';
import { hasControl, hasEmptyParameter, splitOutside } from './header-text.ts';
import type { Headers, SipMessage, SipRequest } from './message.ts';
import { type HeadFault, type MessageLimits, messageLimits, readHead } from './message-head.ts';
import { type NameAddr, parseNameAddr } from './name-addr.ts';
import { parseUri } from './sip-uri.ts';
import { type Address, parseVia, stampVia, type Via } from './via.ts';

/** Why a message was refused. With `answer` the sender of a request is told; without, the message is dropped. */
export interface ParseFault {
  /** For the counter and the log. */
  readonly reason: string;
  readonly answer?: { readonly status: number; readonly phrase: string; readonly to: Answerable };
}

/** What is needed to answer a request, however broken the rest is. */
export interface Answerable {
  readonly headers: Headers;
  readonly via: Via;
  readonly method: string;
}

export type Parsed =
  | { readonly ok: true; readonly message: SipMessage }
  | { readonly ok: false; readonly fault: ParseFault };

const requestLine = /^([A-Za-z0-9\-.!%*_+`'~]{1,64}) ([^ \t]{1,2048}) SIP\/(\d{1,3})\.(\d{1,3})$/i;
const statusLine = /^SIP\/2\.0 ([1-6]\d\d)(?: (.*))?$/i;
const cseqText = /^(\d{1,10})[ \t]+([A-Za-z0-9\-.!%*_+`'~]{1,64})$/;
const highestCseq = 2 ** 31 - 1;

interface Context {
  readonly bytes: Buffer;
  readonly headers: Headers;
  readonly bodyStart: number;
  /** UDP: the body ends with the datagram. */
  readonly datagram: boolean;
  readonly via: Via;
  /** False when a Via is broken, but not so that no answer could be sent. */
  readonly viasWhole: boolean;
}

/**
 * Reads one message. Never throws: whatever is wrong comes back as a fault. The top Via gets `received` and `rport` of the
 * source (RFC 3261 §18.2.1, RFC 3581). Cost: about 10 µs for an INVITE with 18 headers.
 */
export function parseMessage(
  bytes: Buffer,
  source: Address,
  transport: SipTransport,
  limits: MessageLimits = messageLimits,
): Parsed {
  const head = readHead(bytes, limits);
  if (typeof head === 'string') return drop(head);
  const headers = head.headers;
  const vias = readVias(headers, source);
  if (vias === undefined) return drop('bad-via');
  const datagram = transport === 'udp';
  const context: Context = { bytes, headers, bodyStart: head.bodyStart, datagram, ...vias };
  return head.startLine.startsWith('SIP/') || head.startLine.startsWith('sip/')
    ? readResponse(head.startLine, context)
    : readRequest(head.startLine, context);
}

function drop(reason: HeadFault | string): Parsed {
  return { ok: false, fault: { reason } };
}

/** Undefined when the top Via cannot be read: an answer could not be addressed. Lower ones that are broken are taken out. */
function readVias(headers: Headers, source: Address): Pick<Context, 'via' | 'viasWhole'> | undefined {
  const values = headers.all('via').flatMap((value) => splitOutside(value, ','));
  const parsed = values.map(parseVia);
  const [top] = values;
  const [via] = parsed;
  if (top === undefined || via === undefined) return undefined;
  const readable = values.filter((_, index) => parsed[index] !== undefined);
  headers.set('via', [stampVia(top, via, source), ...readable.slice(1)]);
  return { via, viasWhole: readable.length === values.length && !hasEmptyParameter(top) };
}

function readResponse(startLine: string, context: Context): Parsed {
  const match = statusLine.exec(startLine);
  if (match === null) return drop('bad-start-line');
  const common = readCommon(context);
  if (typeof common === 'string') return drop(common);
  const status = Number(match[1]);
  const reason = match[2] ?? '';
  const { cseqMethod, ...rest } = common;
  return { ok: true, message: { kind: 'response', status, reason, method: cseqMethod, ...rest } };
}

function readRequest(startLine: string, context: Context): Parsed {
  const match = requestLine.exec(startLine);
  const method = match?.[1] ?? startLine.slice(0, Math.max(0, startLine.indexOf(' ')));
  const refuse = (reason: string, status: number, phrase: string): Parsed =>
    refusal(context, method, reason, status, phrase);
  if (match === null) return refuse('bad-start-line', 400, 'Malformed Request-Line');
  if (Number(match[3]) !== 2 || Number(match[4]) !== 0)
    return refuse('bad-version', 505, 'Version Not Supported');
  const uri = parseUri(match[2] ?? '');
  // RFC 3261 §19.1.1: a Request-URI has no headers.
  if (uri === undefined || uri.headers !== undefined) return refuse('bad-uri', 400, 'Malformed Request-URI');
  const common = readCommon(context);
  if (typeof common === 'string') return refuse(common, 400, `Bad Request (${common})`);
  const { cseqMethod, ...rest } = common;
  if (cseqMethod !== method) return refuse('cseq-method', 400, 'CSeq method does not match');
  const fault = faultOfRequest(context);
  if (fault !== undefined) return refuse(fault, 400, `Bad Request (${fault})`);
  return { ok: true, message: { kind: 'request', method, uri, ...rest } satisfies SipRequest };
}

interface Common {
  headers: Headers;
  via: Via;
  callId: string;
  cseq: number;
  cseqMethod: string;
  from: NameAddr;
  to: NameAddr;
  body: string;
}

const singleHeaders = ['from', 'to', 'call-id', 'cseq', 'max-forwards'] as const;

/** The mandatory headers (RFC 3261 §8.1.1) and the body; a text says what is wrong. */
function readCommon(context: Context): Common | string {
  const { headers, via } = context;
  for (const name of singleHeaders) if (headers.all(name).length > 1) return `several-${name}`;
  const from = parseNameAddr(headers.get('from') ?? '');
  if (from === undefined || hasBadTag(from)) return 'bad-from';
  const to = parseNameAddr(headers.get('to') ?? '');
  if (to === undefined || hasBadTag(to)) return 'bad-to';
  const callId = headers.get('call-id');
  if (callId === undefined || callId === '' || /\s/.test(callId) || hasControl(callId)) return 'bad-call-id';
  const cseq = cseqText.exec(headers.get('cseq') ?? '');
  if (cseq === null || Number(cseq[1]) > highestCseq) return 'bad-cseq';
  if (!isHopCount(headers.get('max-forwards'))) return 'bad-max-forwards';
  // It comes back as the Route of our requests.
  if (headers.all('record-route').some(hasControl)) return 'bad-record-route';
  const body = readBody(context);
  if (body === undefined) return 'bad-content-length';
  return { headers, via, callId, cseq: Number(cseq[1]), cseqMethod: cseq[2] ?? '', from, to, body };
}

const tagText = /^[\x21\x23-\x2b\x2d-\x3a\x3d\x3f-\x7e]{1,256}$/;

/** RFC 3261 §25.1: a tag is a token; other separators than these are overlooked. An empty one would be none for sip.js. */
function hasBadTag({ parameters }: NameAddr): boolean {
  return parameters.has('tag') && !tagText.test(parameters.get('tag') ?? '');
}

const sipDate = /^[a-z]{3}, \d{1,2} [a-z]{3} \d{4} \d\d:\d\d:\d\d GMT$/i;

/** Headers that nobody needs in order to answer, yet must be whole (RFC 4475 §3.1.2.1, §3.1.2.12, §3.1.2.13). */
function faultOfRequest({ headers, viasWhole }: Context): string | undefined {
  if (!viasWhole) return 'bad-via';
  const contacts = headers.list('contact');
  if (contacts.some((contact) => contact !== '*' && parseNameAddr(contact) === undefined))
    return 'bad-contact';
  const date = headers.get('date');
  return date === undefined || sipDate.test(date) ? undefined : 'bad-date';
}

/** RFC 3261 §20.22: 0 to 255; old peers send none. */
function isHopCount(value: string | undefined): boolean {
  return value === undefined || (/^\d{1,10}$/.test(value) && Number(value) <= 255);
}

/** A datagram may be longer than Content-Length says (the rest is ignored), never shorter (RFC 3261 §18.3). */
function readBody(context: Context): string | undefined {
  const available = context.bytes.length - context.bodyStart;
  const lengths = context.headers.all('content-length');
  const stated = lengths[0];
  if (stated === undefined) return context.datagram ? decode(context, available) : undefined;
  if (!/^\d{1,9}$/.test(stated) || lengths.some((length) => length !== stated)) return undefined;
  return Number(stated) > available ? undefined : decode(context, Number(stated));
}

function decode(context: Context, length: number): string {
  return length === 0 ? '' : context.bytes.toString('utf8', context.bodyStart, context.bodyStart + length);
}

/** Only a request whose answer can be addressed and, by its CSeq, matched is answered; an ACK never is. */
function refusal(context: Context, method: string, reason: string, status: number, phrase: string): Parsed {
  const { headers, via } = context;
  if (headers.get('cseq') === undefined || method === 'ACK' || method === '') return drop(reason);
  return { ok: false, fault: { reason, answer: { status, phrase, to: { headers, via, method } } } };
}
