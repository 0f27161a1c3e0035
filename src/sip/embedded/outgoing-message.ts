import { randomBytes } from 'node:crypto';
import { headerLine } from '../header-line.ts';
import { OutgoingRequestMessage } from './sip-js.ts';

/** Branch, tag or Call-ID that nobody can guess: 72 random bits (RFC 3261 §19.3 asks for 32). */
export function randomToken(): string {
  return randomBytes(9).toString('hex');
}

export function randomBranch(): string {
  return `z9hG4bK${randomToken()}`;
}

/**
 * A request as we write it: each header through `headerLine`, no User-Agent, length in bytes. The Via here is a placeholder:
 * transport and address are known when the next hop is, and the channel writes them then.
 */
export class OutgoingRequest extends OutgoingRequestMessage {
  override setViaHeader(branch: string, _transport: string): void {
    // sip.js makes the branch of an ACK for a 2xx from Math.random; nothing else depends on that one.
    this.branch = this.method === 'ACK' ? randomBranch() : branch;
    this.setHeader('via', `SIP/2.0/UDP invalid;branch=${this.branch}`);
  }

  override toString(): string {
    const lines = [`${this.method} ${checkedUri(this.ruri.toRaw())} SIP/2.0`];
    for (const [name, values] of Object.entries(this.headers)) {
      for (const value of values ?? []) lines.push(headerLine(name, value));
    }
    for (const line of this.extraHeaders) {
      const colon = line.indexOf(':');
      lines.push(headerLine(line.slice(0, colon), line.slice(colon + 1).trim()));
    }
    const body = this.body?.body ?? '';
    if (body !== '') lines.push(headerLine('Content-Type', this.body?.contentType ?? 'application/sdp'));
    lines.push(headerLine('Content-Length', String(Buffer.byteLength(body))));
    return `${lines.join('\r\n')}\r\n\r\n${body}`;
  }
}

function checkedUri(uri: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (/[\u0000-\u0020\u007f]/.test(uri)) throw new TypeError('control character or space in a Request-URI');
  return uri;
}

/** Head as one byte per character, body as UTF-8. */
export function encodeMessage(text: string): Buffer {
  const end = text.indexOf('\r\n\r\n') + 4;
  const head = Buffer.from(text.slice(0, end), 'latin1');
  return end === text.length ? head : Buffer.concat([head, Buffer.from(text.slice(end), 'utf8')]);
}
