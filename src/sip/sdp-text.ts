import { isIPv6 } from 'node:net';
import { type ParsedMedia, type ParsedSession, parse, write } from 'sdp-transform';
import { fail, ok, type Result } from '../errors.ts';
import { type CryptoAttribute, readCrypto } from './crypto-attribute.ts';

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

/** `a=rtpmap`: RFC 4566 §6. `channels` is undefined when the peer left it out. */
export interface RtpMap {
  readonly payloadType: number;
  readonly encoding: string;
  /** Hertz. */
  readonly clockRate: number;
  readonly channels: number | undefined;
}

/** One `m=` line with those of its attributes that a gateway acts on. */
export interface SdpMedia {
  /** `audio`, `video`, `image`, …; `protocol` and `formats` as they were written, for the echo in a refusal. */
  readonly kind: string;
  readonly port: number;
  readonly protocol: string;
  readonly formats: readonly string[];
  /** From the `c=` line of this media or of the session; a host name is legal. Undefined: there was none. */
  readonly address: string | undefined;
  readonly rtpMaps: readonly RtpMap[];
  readonly formatParameters: readonly { readonly payloadType: number; readonly text: string }[];
  readonly ptimeMs: number | undefined;
  readonly maxPtimeMs: number | undefined;
  /** `a=rtcp` (RFC 3605). */
  readonly rtcpPort: number | undefined;
  readonly direction: Direction;
  /** Those `a=crypto` lines that we can use, in their order. */
  readonly crypto: readonly CryptoAttribute[];
}

/** A session description (RFC 4566) as it was read. */
export interface SdpBody {
  readonly timing: SdpTiming;
  readonly media: readonly SdpMedia[];
}

/** `t=`: an answer repeats that of the offer (RFC 3264 §6). */
export interface SdpTiming {
  readonly start: number;
  readonly stop: number;
}

/** A session description of ours. `address` goes into `o=` and into the only `c=` line. */
export interface OwnSdp {
  readonly sessionId: number;
  readonly version: number;
  readonly address: string;
  readonly timing: SdpTiming;
  readonly media: readonly OwnMedia[];
}

/** A refused line has port 0 and nothing but its formats (RFC 3264 §6). */
export type OwnMedia = Pick<SdpMedia, 'kind' | 'port' | 'protocol' | 'formats'> &
  Partial<Pick<SdpMedia, 'rtpMaps' | 'formatParameters' | 'ptimeMs' | 'direction' | 'crypto'>>;

const limits = { bytes: 16_384, lines: 500, lineLength: 2_048, mediaLines: 16, formats: 64, cryptoLines: 16 };

/** Only these lines reach the library: an attribute that we do not act on must cost nothing. */
const usedLine =
  /^(?:[vtc]=|a=(?:rtpmap|fmtp|ptime|maxptime|rtcp):|a=(?:sendrecv|sendonly|recvonly|inactive)$)/;

/** Reads a body from outside. Fails with `bad-request`. Lines may end in CRLF or LF (RFC 4566 §5). */
export function parseSdp(text: string): Result<SdpBody> {
  if (Buffer.byteLength(text) > limits.bytes) return bad(`longer than ${limits.bytes} bytes`);
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.trimEnd())
    .filter((line) => line !== '');
  const problem = problemOfLines(lines);
  if (problem !== undefined) return bad(problem);
  const mediaLines = lines.filter((line) => line.startsWith('m=')).map(parseMediaLine);
  if (mediaLines.length > limits.mediaLines) return bad(`more than ${limits.mediaLines} media lines`);
  const session = parse(lines.filter((line) => usedLine.test(line) || line.startsWith('m=')).join('\r\n'));
  const crypto = readCryptoLines(lines);
  const media: SdpMedia[] = [];
  for (const [index, line] of mediaLines.entries()) {
    const attributes = session.media[index];
    if (line === undefined || attributes === undefined) return bad(`media line ${index + 1} is malformed`);
    media.push({ ...line, ...readAttributes(attributes, session), crypto: crypto[index] ?? [] });
  }
  const timing = {
    start: wholeNumber(session.timing?.start) ?? 0,
    stop: wholeNumber(session.timing?.stop) ?? 0,
  };
  return ok({ timing, media });
}

/** Writes a body of ours, with CRLF line ends. */
export function writeSdp(body: OwnSdp): string {
  const family = isIPv6(body.address) ? 6 : 4;
  return write({
    version: 0,
    origin: {
      username: '-',
      sessionId: body.sessionId,
      sessionVersion: body.version,
      netType: 'IN',
      ipVer: family,
      address: body.address,
    },
    name: '-',
    connection: { version: family, ip: body.address },
    timing: body.timing,
    media: body.media.map(toLibraryMedia),
  });
}

function problemOfLines(lines: readonly string[]): string | undefined {
  if (lines[0] !== 'v=0') return 'it does not begin with v=0';
  if (lines.length > limits.lines) return `more than ${limits.lines} lines`;
  if (lines.indexOf('v=0', 1) !== -1) return 'more than one session description';
  for (const line of lines) {
    if (line.length > limits.lineLength) return `a line is longer than ${limits.lineLength} characters`;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
    if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(line)) return 'a line holds a control character';
    if (!/^[a-z]=/.test(line)) return 'a line is not of the form x=value';
  }
  return undefined;
}

/** The library knows neither `port/count` nor a media type with a hyphen, so this line is read here. */
function parseMediaLine(line: string): Pick<SdpMedia, 'kind' | 'port' | 'protocol' | 'formats'> | undefined {
  const match = /^m=(\S{1,32}) +(\d{1,5})(?:\/\d{1,5})? +(\S{1,64}) +(\S.*)$/.exec(line);
  const [, kind, port, protocol, formats] = match ?? [];
  if (kind === undefined || protocol === undefined || formats === undefined) return undefined;
  const list = formats.split(/ +/);
  if (Number(port) > 65_535 || list.length > limits.formats) return undefined;
  return { kind, port: Number(port), protocol, formats: list };
}

/** For each media line. Read here, because the library drops all session parameters but one, and they may forbid the line. */
function readCryptoLines(lines: readonly string[]): CryptoAttribute[][] {
  const media: CryptoAttribute[][] = [];
  for (const line of lines) {
    if (line.startsWith('m=')) media.push([]);
    const crypto = line.startsWith('a=crypto:') ? readCrypto(line.slice('a=crypto:'.length)) : undefined;
    const own = media.at(-1);
    if (crypto !== undefined && own !== undefined && own.length < limits.cryptoLines) own.push(crypto);
  }
  return media;
}

function readAttributes(
  media: ParsedMedia,
  session: ParsedSession,
): Omit<SdpMedia, 'kind' | 'port' | 'protocol' | 'formats' | 'crypto'> {
  const address = media.connection?.ip ?? session.connection?.ip;
  const rtcpPort = wholeNumber(media.rtcp?.port);
  return {
    // A multicast address carries its TTL behind a slash.
    address: address === undefined ? undefined : String(address).split('/')[0],
    rtpMaps: media.rtp.flatMap(readRtpMap),
    formatParameters: media.fmtp.flatMap(({ payload, config }) => {
      const payloadType = readPayloadType(payload);
      return payloadType === undefined ? [] : [{ payloadType, text: String(config ?? '') }];
    }),
    ptimeMs: readMilliseconds(media.ptime),
    maxPtimeMs: readMilliseconds(media.maxptime),
    rtcpPort: rtcpPort !== undefined && rtcpPort > 0 && rtcpPort <= 65_535 ? rtcpPort : undefined,
    direction: readDirection(media.direction) ?? readDirection(session.direction) ?? 'sendrecv',
  };
}

function readRtpMap({ payload, codec, rate, encoding }: ParsedMedia['rtp'][number]): RtpMap[] {
  const payloadType = readPayloadType(payload);
  const clockRate = wholeNumber(rate);
  if (payloadType === undefined || clockRate === undefined || codec === undefined) return [];
  return [{ payloadType, encoding: String(codec), clockRate, channels: wholeNumber(encoding) }];
}

/** RTP payload types have seven bits (RFC 3550 §5.1). */
function readPayloadType(value: unknown): number | undefined {
  const number = wholeNumber(value);
  return number !== undefined && number <= 127 ? number : undefined;
}

/** The first number of `20`, `2.5` or, seen from some phones, `20,30,40`. */
function readMilliseconds(value: unknown): number | undefined {
  const number = Number.parseFloat(String(value));
  return Number.isFinite(number) && number > 0 ? number : undefined;
}

function readDirection(value: unknown): Direction | undefined {
  return (['sendrecv', 'sendonly', 'recvonly', 'inactive'] as const).find((direction) => direction === value);
}

function wholeNumber(value: unknown): number | undefined {
  const number =
    typeof value === 'number' ? value : /^\d{1,15}$/.test(String(value)) ? Number(value) : Number.NaN;
  return Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}

function toLibraryMedia(media: OwnMedia) {
  return {
    type: media.kind,
    port: media.port,
    protocol: media.protocol,
    payloads: media.formats.join(' '),
    rtp: (media.rtpMaps ?? []).map(({ payloadType, encoding, clockRate, channels }) => ({
      payload: payloadType,
      codec: encoding,
      rate: clockRate,
      ...(channels === undefined ? {} : { encoding: channels }),
    })),
    fmtp: (media.formatParameters ?? []).map(({ payloadType, text }) => ({
      payload: payloadType,
      config: text,
    })),
    ...(media.ptimeMs === undefined ? {} : { ptime: media.ptimeMs }),
    ...(media.direction === undefined ? {} : { direction: media.direction }),
    ...(media.crypto === undefined || media.crypto.length === 0
      ? {}
      : {
          crypto: media.crypto.map(({ tag, suite, key }) => ({ id: tag, suite, config: `inline:${key}` })),
        }),
  };
}

function bad(problem: string): Result<never> {
  return fail('bad-request', `SDP: ${problem}`);
}
