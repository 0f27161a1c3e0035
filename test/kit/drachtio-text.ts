import { toWire } from '../../src/sip/header-line.ts';
import { parseMessage } from '../../src/sip/message-parser.ts';
import { hostInUri, type SipUri } from '../../src/sip/sip-uri.ts';
import type { Hop } from '../../src/sip/transport/packet.ts';
import type { Client } from './drachtio-clients.ts';
import { type ClientSip, frameText, headerOf } from './drachtio-frames.ts';

/** A request of a client on its way. */
export interface Outgoing {
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

/** Sofia answers in the peer's place when nobody does. */
export function madeUp(outgoing: Outgoing, status: 408 | 503, port: number): string {
  const phrase = status === 408 ? 'Request Timeout' : 'Service Unavailable';
  const kept = outgoing.lines.filter((line) => /^(From|To|Call-ID|CSeq): /.test(line));
  const via = `Via: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bKnone`;
  return `${[`SIP/2.0 ${status} ${phrase}`, via, ...kept, 'Content-Length: 0'].join('\r\n')}\r\n\r\n`;
}

export function echo({ method, uri, lines, body }: Outgoing, port: number): string {
  const via = `Via: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bKecho`;
  return frameOf(`${[`${method} ${uri.text} SIP/2.0`, via, ...lines].join('\r\n')}\r\n\r\n${body}`);
}

/** The client's own headers: dialog headers are dropped, `@localhost` becomes our address, Contact and type are added. */
export function completed(
  sip: ClientSip,
  ownContact: string,
  withContact: boolean,
  port: number,
): { lines: string[]; contact: string } {
  const host = `@${hostInUri('127.0.0.1')}:${port}`;
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

/** A message of ours as a frame holds it. */
export function frameOf(wireText: string): string {
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
