import { type EndingCode, type Failure, failure } from '../errors.ts';
import { stanzaError } from './iq-requests.ts';
import { parseJid } from './jid.ts';
import { ns } from './namespaces.ts';
import { attribute, child, children, type Element, element } from './stanza.ts';

/** What our presence in a conference says; every update repeats all of it (jitsi.md §4.1). */
export interface OccupantPresence {
  readonly displayName: string;
  readonly audioMuted: boolean;
  readonly status: string | undefined;
}

const displayNameLimit = 80;
const statusLimit = 200;
/** Controls and bidirectional overrides, with which a caller could pose as somebody else. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not pass
const deceptive = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** Children of the presence. lib-jitsi-meet takes the features from here, not from disco. */
export function presenceContent(presence: OccupantPresence): Element[] {
  const { displayName, audioMuted, status } = presence;
  return [
    element('nick', { xmlns: ns.nick }, cleanText(displayName, displayNameLimit)),
    element('features', {}, element('feature', { var: ns.jigasi }), element('feature', { var: ns.dtmf })),
    element('audiomuted', {}, String(audioMuted)),
    element('videomuted', {}, 'true'),
    ...(status === undefined ? [] : [element('status', {}, cleanText(status, statusLimit))]),
  ];
}

/** `<x/>` of a join (XEP-0045 §7.2), without history. */
export function joinElement(password: string | undefined): Element {
  const content = password === undefined ? [] : [element('password', {}, password)];
  return element('x', { xmlns: ns.muc }, element('history', { maxstanzas: 0 }), ...content);
}

/** Text that others will read: without control and direction characters, cut to `limit` characters. */
export function cleanText(text: string, limit: number): string {
  return [...text.replace(deceptive, ' ').trim()].slice(0, limit).join('');
}

/** A presence from a room, read. */
export interface RoomPresence {
  readonly nick: string;
  readonly type: 'available' | 'unavailable' | 'error';
  /** Full JID behind the nick; undefined when the room hides it. */
  readonly realJid: string | undefined;
  /** XEP-0045 §15.6. */
  readonly codes: ReadonlySet<number>;
  readonly destroyed: boolean;
  readonly reason: string | undefined;
}

/** Undefined when it is no presence of an occupant of `room`. */
export function readPresence(presence: Element, room: string): RoomPresence | undefined {
  const from = parseJid(attribute(presence, 'from') ?? '');
  if (from?.bare !== room || from.resource === undefined) return undefined;
  const type = attribute(presence, 'type') ?? 'available';
  if (type !== 'available' && type !== 'unavailable' && type !== 'error') return undefined;
  const user = child(presence, 'x', ns.mucUser);
  const item = user === undefined ? undefined : child(user, 'item');
  const reason = item === undefined ? undefined : child(item, 'reason');
  return {
    nick: from.resource,
    type,
    realJid: parseJid((item && attribute(item, 'jid')) ?? '')?.full,
    codes: new Set(user === undefined ? [] : statusCodes(user)),
    destroyed: user !== undefined && child(user, 'destroy') !== undefined,
    reason: reason?.children.find((part) => typeof part === 'string')?.slice(0, 200),
  };
}

function statusCodes(user: Element): number[] {
  return children(user, 'status').map((status) => Number(attribute(status, 'code')));
}

/** Why our own unavailable presence is final; undefined when nobody meant it (a stanza to us bounced, or the service stops). */
export function removal({ codes, destroyed, reason }: RoomPresence): Failure | undefined {
  if (destroyed) return failure('room-destroyed', reason);
  const meant = [301, 307, 321, 322].some((code) => codes.has(code)) && !codes.has(333);
  return meant ? failure('kicked', reason) : undefined;
}

/** Why a join was refused (XEP-0045 §7.2; jitsi.md §3.1). `conflict` and `not-allowed` are worth another try. */
export function joinFailure(presence: Element): Failure & { readonly condition: string } {
  const { condition, text } = stanzaError(presence);
  const detail = text === '' ? condition : `${condition}: ${text}`;
  return { ...failure(joinCodes[condition] ?? 'join-failed', detail), condition };
}

const joinCodes: Readonly<Record<string, EndingCode>> = {
  'not-authorized': 'room-password',
  'registration-required': 'members-only',
  'service-unavailable': 'room-full',
  'resource-constraint': 'room-full',
  'jid-malformed': 'bad-room',
  'remote-server-not-found': 'bad-room',
  'remote-server-timeout': 'xmpp-unreachable',
};
