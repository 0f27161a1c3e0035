import { trimSpace } from './header-text.ts';
import { Headers } from './message.ts';

/** What a message may be at most; everything above is refused before it is looked at. */
export interface MessageLimits {
  /** Bytes of the whole message, on UDP and on TCP. */
  readonly messageBytes: number;
  readonly headers: number;
  /** Bytes of one header with its continuation lines. */
  readonly headerBytes: number;
}

/** Measured: the largest INVITEs in use (STIR token, long Record-Route, SDP with SRTP) stay below 10 kB. */
export const messageLimits: MessageLimits = { messageBytes: 16_384, headers: 160, headerBytes: 8_192 };

export interface MessageHead {
  readonly startLine: string;
  readonly headers: Headers;
  /** Offset of the body. */
  readonly bodyStart: number;
}

export type HeadFault = 'too-large' | 'no-head' | 'bad-line' | 'too-many-headers' | 'header-too-long';

// biome-ignore-start lint/suspicious/noControlCharactersInRegex: finding them is the purpose
/** Control characters that are not the escaped half of a quoted-pair (RFC 3261 §25.1 allows those), and line ends that are not CRLF. */
const strayCharacter = /(?<!\\)[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]|\r(?!\n)|(?<!\r)\n/;
/** The same without looking around, so several times as fast: finds escaped ones and line ends as well. */
const controlCharacter = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;
// biome-ignore-end lint/suspicious/noControlCharactersInRegex: see above

/** Whether there is a `strayCharacter` in a head, whose lines are given too. */
export function hasStrayCharacter(text: string, lines: readonly string[]): boolean {
  if (controlCharacter.test(text) && strayCharacter.test(text)) return true;
  return hasLoneLineEnd(text, lines.length);
}

/** Looked for in the text: that is several times as fast as an expression for each line. */
function hasLoneLineEnd(text: string, lines: number): boolean {
  return occurrences(text, '\r') !== lines - 1 || occurrences(text, '\n') !== lines - 1;
}

function occurrences(text: string, character: string): number {
  let count = 0;
  for (let at = text.indexOf(character); at >= 0; at = text.indexOf(character, at + 1)) count += 1;
  return count;
}

const compactNames = new Map([
  ['a', 'accept-contact'],
  ['b', 'referred-by'],
  ['c', 'content-type'],
  ['d', 'request-disposition'],
  ['e', 'content-encoding'],
  ['f', 'from'],
  ['i', 'call-id'],
  ['j', 'reject-contact'],
  ['k', 'supported'],
  ['l', 'content-length'],
  ['m', 'contact'],
  ['o', 'event'],
  ['r', 'refer-to'],
  ['s', 'subject'],
  ['t', 'to'],
  ['u', 'allow-events'],
  ['v', 'via'],
  ['x', 'session-expires'],
  ['y', 'identity'],
]);

/** As they are usually written: found here, a name needs neither a check nor a copy in lower case. */
const usualNames = new Map(
  [
    'Via Max-Forwards From To Call-ID CSeq Contact Content-Length Content-Type Content-Disposition Record-Route Route',
    'Allow Supported Require Proxy-Require Accept User-Agent Server Date Session-Expires Min-SE Reason RAck RSeq Event',
    'P-Asserted-Identity Remote-Party-ID Diversion History-Info Privacy Expires Authorization WWW-Authenticate',
    'Proxy-Authorization Proxy-Authenticate Retry-After Warning Allow-Events Subscription-State Refer-To Referred-By Replaces',
  ]
    .flatMap((names) => names.split(' '))
    .map((name) => [name, name.toLowerCase()]),
);
const nameText = /^([A-Za-z0-9\-.!%*_+`'~]{1,256})[ \t]*$/;

/** Full name in lower case; undefined when it is no token. */
function headerName(written: string): string | undefined {
  const name = nameText.exec(written)?.[1]?.toLowerCase();
  return name === undefined ? undefined : (compactNames.get(name) ?? name);
}

const endOfHead = Buffer.from('\r\n\r\n');

/** Splits bytes into start line and headers (RFC 3261 §7): limits first, then line ends, continuation lines, compact names. */
export function readHead(bytes: Buffer, limits: MessageLimits): MessageHead | HeadFault {
  if (bytes.length > limits.messageBytes) return 'too-large';
  const start = leadingLineEnds(bytes);
  const end = bytes.indexOf(endOfHead, start);
  if (end < 0) return 'no-head';
  const text = bytes.toString('latin1', start, end);
  const lines = text.split('\r\n');
  if (hasStrayCharacter(text, lines)) return 'bad-line';
  const startLine = lines[0] ?? '';
  const headers = new Headers();
  const fault = readHeaders(lines, headers, limits);
  return fault ?? { startLine, headers, bodyStart: end + 4 };
}

/** RFC 3261 §7.5: empty lines before the start line are ignored. */
function leadingLineEnds(bytes: Buffer): number {
  let start = 0;
  while (bytes[start] === 0x0d && bytes[start + 1] === 0x0a) start += 2;
  return start;
}

function readHeaders(lines: string[], headers: Headers, limits: MessageLimits): HeadFault | undefined {
  let count = 0;
  for (let index = 1; index < lines.length; index += 1) {
    let line = lines[index] ?? '';
    while (isContinuation(lines[index + 1])) {
      index += 1;
      line = `${line} ${trimSpace(lines[index] ?? '')}`;
      if (line.length > limits.headerBytes) return 'header-too-long';
    }
    if (line.length > limits.headerBytes) return 'header-too-long';
    count += 1;
    if (count > limits.headers) return 'too-many-headers';
    const colon = line.indexOf(':');
    const written = line.slice(0, Math.max(0, colon));
    const name = usualNames.get(written) ?? headerName(written);
    if (name === undefined) return 'bad-line';
    // A tab is white space like any other (RFC 3261 §7.3.1), and headers of ours have none.
    const text = trimSpace(line, colon + 1);
    headers.add(name, text.includes('\t') ? text.replaceAll('\t', ' ') : text);
  }
  return undefined;
}

function isContinuation(line: string | undefined): boolean {
  const first = line?.charCodeAt(0);
  return first === 0x20 || first === 0x09;
}
