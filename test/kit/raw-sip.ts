import { createHash, randomBytes } from 'node:crypto';

/** A SIP message as text: nothing is understood beyond lines. The kit's own, so that it shares no mistake with src/sip. */
export interface RawMessage {
  readonly startLine: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

const compact: Readonly<Record<string, string>> = {
  v: 'via',
  f: 'from',
  t: 'to',
  i: 'call-id',
  m: 'contact',
  l: 'content-length',
  c: 'content-type',
};

export function parseRaw(text: string): RawMessage {
  const end = text.indexOf('\r\n\r\n');
  const [startLine = '', ...lines] = (end < 0 ? text : text.slice(0, end)).split('\r\n');
  const headers = lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()] as const;
  });
  return { startLine, headers, body: end < 0 ? '' : text.slice(end + 4) };
}

/** All values of a header, in order; long or compact name, any case. */
export function values(message: RawMessage, name: string): string[] {
  return message.headers.filter(([key]) => canonical(key) === name.toLowerCase()).map(([, value]) => value);
}

export const value = (message: RawMessage, name: string): string | undefined => values(message, name)[0];

const canonical = (name: string): string => compact[name.toLowerCase()] ?? name.toLowerCase();

/** Status of a response, undefined for a request. */
export function status(message: RawMessage): number | undefined {
  const match = /^SIP\/2\.0 (\d{3})/.exec(message.startLine);
  return match ? Number(match[1]) : undefined;
}

/** Method of a request, or of the request that a response answers. */
export function method(message: RawMessage): string {
  return status(message) === undefined
    ? (message.startLine.split(' ')[0] ?? '')
    : (value(message, 'CSeq')?.split(/\s+/)[1] ?? '');
}

export const tagOf = (header: string | undefined): string | undefined =>
  /;\s*tag=([^;\s>]+)/i.exec(header ?? '')?.[1];

/** The URI of a name-addr or addr-spec. */
export const uriOf = (header: string): string =>
  /<([^>]*)>/.exec(header)?.[1] ?? header.split(';')[0]?.trim() ?? '';

export const token = (): string => randomBytes(8).toString('hex');

export function compose(
  startLine: string,
  headers: readonly (readonly [string, string])[],
  body = '',
): string {
  const lines = headers.map(([name, text]) => `${name}: ${text}`);
  return `${[startLine, ...lines, `Content-Length: ${Buffer.byteLength(body)}`].join('\r\n')}\r\n\r\n${body}`;
}

/** Answer to a digest challenge (RFC 7616, with or without qop). */
export function digestAnswer(
  challenge: string,
  request: { method: string; uri: string },
  account: { user: string; password: string },
): string {
  const field = (name: string) => new RegExp(`(?:^|[\\s,])${name}="?([^",]*)"?`, 'i').exec(challenge)?.[1];
  const algorithm = field('algorithm') ?? 'MD5';
  const hash = (text: string) =>
    createHash(/sha-256/i.test(algorithm) ? 'sha256' : 'md5')
      .update(text)
      .digest('hex');
  const realm = field('realm') ?? '';
  const nonce = field('nonce') ?? '';
  const ha1 = hash(`${account.user}:${realm}:${account.password}`);
  const ha2 = hash(`${request.method}:${request.uri}`);
  const cnonce = token();
  const qop = field('qop');
  const response = qop
    ? hash(`${ha1}:${nonce}:00000001:${cnonce}:auth:${ha2}`)
    : hash(`${ha1}:${nonce}:${ha2}`);
  const opaque = field('opaque');
  return [
    `Digest username="${account.user}"`,
    `realm="${realm}"`,
    `nonce="${nonce}"`,
    `uri="${request.uri}"`,
    `response="${response}"`,
    `algorithm=${algorithm}`,
    ...(opaque === undefined ? [] : [`opaque="${opaque}"`]),
    ...(qop ? [`qop=auth, nc=00000001, cnonce="${cnonce}"`] : []),
  ].join(', ');
}

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

export interface RawSdp {
  readonly address: string;
  readonly port: number;
  readonly direction: Direction;
  readonly payloadTypes: readonly number[];
}

/** G.711 and telephone-event at `port`. */
export function sdp(port: number, direction: Direction, version: number, payloadTypes = [0, 8, 101]): string {
  const names: Readonly<Record<number, string>> = {
    0: 'PCMU/8000',
    8: 'PCMA/8000',
    101: 'telephone-event/8000',
  };
  return [
    'v=0',
    `o=raw 1 ${version} IN IP4 127.0.0.1`,
    's=-',
    'c=IN IP4 127.0.0.1',
    't=0 0',
    `m=audio ${port} RTP/AVP ${payloadTypes.join(' ')}`,
    ...payloadTypes.flatMap((type) => (names[type] ? [`a=rtpmap:${type} ${names[type]}`] : [])),
    ...(payloadTypes.includes(101) ? ['a=fmtp:101 0-15'] : []),
    'a=ptime:20',
    `a=${direction}`,
    '',
  ].join('\r\n');
}

export function parseSdp(text: string): RawSdp | undefined {
  const media = /^m=audio (\d+) \S+ ([\d ]+)/m.exec(text);
  const address = /^c=IN IP4 (\S+)/m.exec(text)?.[1];
  if (!media || address === undefined) return undefined;
  return {
    address,
    port: Number(media[1]),
    direction: (/^a=(sendrecv|sendonly|recvonly|inactive)/m.exec(text)?.[1] ?? 'sendrecv') as Direction,
    payloadTypes: (media[2] ?? '').trim().split(' ').map(Number),
  };
}
