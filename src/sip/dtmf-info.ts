/** A digit in the body of a SIP INFO. */
export interface InfoDigit {
  /** One of `0123456789*#ABCD`. */
  readonly digit: string;
  readonly durationMs: number;
}

const relayType = 'application/dtmf-relay';
const plainType = 'application/dtmf';
const usualMs = 160;
const longestMs = 10_000;
const longestBody = 256;
const digits = '0123456789*#ABCD';

/** What to send for a digit: `Signal=` and `Duration=` lines, as Cisco defined and everybody understands. */
export function writeDtmfInfo({ digit, durationMs }: InfoDigit): { contentType: string; body: string } {
  return { contentType: relayType, body: `Signal=${digit}\r\nDuration=${Math.round(durationMs)}\r\n` };
}

/** Reads `application/dtmf-relay` and `application/dtmf`; undefined: the body is none of them, or says no digit. */
export function readDtmfInfo(contentType: string, body: string): InfoDigit | undefined {
  if (body.length > longestBody) return undefined;
  switch (contentType.split(';')[0]?.trim().toLowerCase()) {
    case relayType:
      return readRelay(body);
    case plainType:
      // Some phones send the relay's lines under this name.
      return /signal/i.test(body) ? readRelay(body) : digitOf(body, usualMs);
    default:
      return undefined;
  }
}

function readRelay(body: string): InfoDigit | undefined {
  const signal = /^\s*signal\s*=\s*(\S{1,2})\s*$/im.exec(body)?.[1];
  const duration = /^\s*duration\s*=\s*(\d{1,6})\s*$/im.exec(body)?.[1];
  if (signal === undefined) return undefined;
  return digitOf(signal, duration === undefined ? usualMs : Math.min(Number(duration), longestMs));
}

/** A digit by its name, or by its event code: 10 is the star, 11 the hash (RFC 4733 §3.2). */
function digitOf(text: string, durationMs: number): InfoDigit | undefined {
  const name = text.trim().toUpperCase();
  const digit = /^1[0-5]$/.test(name) ? digits[Number(name)] : name.length === 1 ? name : undefined;
  return digit !== undefined && digits.includes(digit) ? { digit, durationMs } : undefined;
}
