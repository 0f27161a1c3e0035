import { fail, ok, type Result } from '../errors.ts';

/** What the resolver looks at; first match wins. */
export interface RoomQuestion {
  readonly header: (name: string) => string | undefined;
  readonly roomHeaders: readonly string[];
  readonly defaultRoom: string | undefined;
  readonly mucDomain: string;
}

/**
 * The room of an incoming call as a bare JID: a room header (bare name or room JID, any case of header name and value), else
 * the default room, else `no-room`. A JID outside the configured MUC domain is `bad-room`: nobody there would ever answer.
 */
export function resolveRoom(question: RoomQuestion): Result<string> {
  for (const name of question.roomHeaders) {
    const value = question.header(name)?.trim();
    if (value !== undefined && value !== '') return roomJid(value, question.mucDomain);
  }
  if (question.defaultRoom === undefined) return fail('no-room');
  return roomJid(question.defaultRoom, question.mucDomain);
}

/** Turns `name`, `name@muc.domain` or the percent-encoded form that some PBXes send into a bare room JID. */
export function roomJid(text: string, mucDomain: string): Result<string> {
  const decoded = decodePercent(text.replace(/^xmpp:/i, ''));
  const [name = '', domain, ...rest] = decoded.split('@');
  if (rest.length > 0 || !isRoomName(name)) return fail('bad-room', `not a room: ${printable(text)}`);
  if (domain !== undefined && domain.toLowerCase() !== mucDomain.toLowerCase()) {
    return fail('bad-room', `room ${printable(text)} is not on ${mucDomain}`);
  }
  return ok(`${name.toLowerCase()}@${mucDomain}`);
}

/** RFC 7622 §3.3: no spaces, controls or `"&'/:<>@`; 1023 bytes would be allowed, no real room needs more than 256. */
function isRoomName(name: string): boolean {
  return name !== '' && Buffer.byteLength(name) <= 256 && !/[\s"&'/:<>@\p{Cc}\p{Cf}]/u.test(name);
}

function decodePercent(text: string): string {
  if (!text.includes('%40')) return text;
  return text.replace(/%40/g, '@');
}

function printable(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}
