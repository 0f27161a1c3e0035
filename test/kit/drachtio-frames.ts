import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { fromWire } from '../../src/sip/header-line.ts';
import type { SipMessage } from '../../src/sip/message.ts';

/** One message of drachtio's TCP protocol: `<bytes>#<id>|<word>|…` and, after a line end, a SIP message. */
export interface Frame {
  readonly id: string;
  readonly words: readonly string[];
  readonly sip: string;
}

/** Cuts the byte stream of one connection into messages. */
export function readFrames(socket: Socket, onFrame: (frame: Frame) => void): void {
  let pending = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    for (;;) {
      const hash = pending.indexOf('#');
      if (hash < 0) return;
      const end = hash + 1 + Number(pending.toString('latin1', 0, hash));
      if (pending.length < end) return;
      const text = pending.toString('utf8', hash + 1, end);
      pending = pending.subarray(end);
      onFrame(parseFrame(text));
    }
  });
}

function parseFrame(text: string): Frame {
  const lineEnd = text.indexOf('\r\n');
  const [id = '', ...words] = (lineEnd < 0 ? text : text.slice(0, lineEnd)).split('|');
  return { id, words, sip: lineEnd < 0 ? '' : text.slice(lineEnd + 2) };
}

export function writeFrame(socket: Socket, words: readonly string[], sip?: string): void {
  const text = `${[randomUUID(), ...words].join('|')}${sip === undefined ? '' : `\r\n${sip}`}`;
  if (!socket.destroyed) socket.write(`${Buffer.byteLength(text)}#${text}`);
}

/** What drachtio says about a message on the wire: source, length, protocol, address, port, time. */
export function metaOf(source: 'network' | 'application', address: string, port: number): string[] {
  return [source, '0', 'udp', address, String(port), '00:00:00.000000'];
}

/** A SIP message as drachtio writes it into a frame: UTF-8, with the full names of its headers. */
export function frameText(message: SipMessage): string {
  const start =
    message.kind === 'request'
      ? `${message.method} ${message.uri.text} SIP/2.0`
      : `SIP/2.0 ${message.status} ${fromWire(message.reason)}`;
  const lines = [...message.headers.entries()].flatMap(([name, values]) =>
    name === 'content-length' ? [] : values.map((value) => `${name}: ${fromWire(value)}`),
  );
  const length = `content-length: ${Buffer.byteLength(message.body)}`;
  return `${[start, ...lines, length].join('\r\n')}\r\n\r\n${message.body}`;
}

export interface ClientSip {
  readonly startLine: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** A SIP message from a client: incomplete, the server writes the rest. */
export function parseClientSip(text: string): ClientSip {
  const end = text.indexOf('\r\n\r\n');
  const [startLine = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()] as const;
  });
  return { startLine, headers, body: text.slice(end + 4) };
}

export function headerOf(sip: ClientSip, name: string): string | undefined {
  return sip.headers.find(([present]) => present.toLowerCase() === name)?.[1];
}
