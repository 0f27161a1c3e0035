import { randomBytes } from 'node:crypto';
import { headerLine } from '../header-line.ts';
import { hasStrayCharacter } from '../message-head.ts';
import { OutgoingRequestMessage } from './sip-js.ts';

const tokenBytes = 9;
/** Fetched for many tokens at once: each call of the generator costs as much as the bytes of a hundred. */
let pool = Buffer.alloc(0);

/** Branch, tag or Call-ID that nobody can guess: 72 random bits (RFC 3261 §19.3 asks for 32). */
export function randomToken(): string {
  if (pool.length < tokenBytes) pool = randomBytes(tokenBytes * 256);
  const token = pool.toString('hex', 0, tokenBytes);
  pool = pool.subarray(tokenBytes);
  return token;
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

const headerStart = /^[A-Za-z0-9\-.!%*_+`'~]{1,256}[ \t]*:/;

/**
 * Head as one byte per character, body as UTF-8. Every message goes through here before a socket gets it, so this is the last
 * look: throws on a control character and on a line that is no header, whoever wrote it.
 */
export function encodeMessage(text: string): Buffer {
  const end = text.indexOf('\r\n\r\n') + 4;
  const start = text.slice(0, Math.max(0, end - 4));
  const lines = start.split('\r\n');
  const sound = end >= 4 && lines.every((line, index) => index === 0 || headerStart.test(line));
  if (!sound || hasStrayCharacter(start, lines))
    throw new TypeError('a SIP message with a control character or a broken line was not sent');
  const head = Buffer.from(text.slice(0, end), 'latin1');
  return end === text.length ? head : Buffer.concat([head, Buffer.from(text.slice(end), 'utf8')]);
}
