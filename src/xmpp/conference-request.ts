import { type EndingCode, fail, failure, ok, type Result } from '../errors.ts';
import type { IqRequests, RequestError } from './iq-requests.ts';
import { parseJid } from './jid.ts';
import { ns } from './namespaces.ts';
import { attribute, child, type Element, element } from './stanza.ts';

/** The focus' answer to a conference request. */
export interface Conference {
  /** Bare JID behind `room/focus`, when told. */
  readonly focusJid: string | undefined;
}

/**
 * Asks the focus for the conference of a room (jitsi.md §5.1): Jicofo creates and joins the room before it answers, and
 * invites again everybody that it finds there. Errors: `focus-unreachable` (worth repeating) and `bad-room` or `join-failed`.
 */
export async function requestConference(
  requests: IqRequests,
  ask: { readonly from: string; readonly focus: string; readonly room: string; readonly timeoutMs: number },
): Promise<Result<Conference>> {
  const { from, focus, room, timeoutMs } = ask;
  const payload = element('conference', { xmlns: ns.focus, room });
  const reply = await requests.request({ from, to: focus, type: 'set', payload, timeoutMs });
  return reply.ok ? readConference(reply.value) : { ok: false, error: refusal(reply.error) };
}

export function readConference(reply: Element): Result<Conference> {
  const conference = child(reply, 'conference', ns.focus);
  if (conference === undefined) return fail('focus-unreachable', 'the answer has no conference');
  if (attribute(conference, 'ready') !== 'true') return fail('focus-unreachable', 'the focus is not ready');
  const focusJid = parseJid(attribute(conference, 'focusjid') ?? '')?.bare;
  return ok({ focusJid });
}

function refusal({ condition, text }: RequestError): ReturnType<typeof failure> {
  const detail = text === '' ? condition : `${condition}: ${text}`;
  return failure(codes[condition] ?? 'focus-unreachable', detail);
}

const codes: Readonly<Record<string, EndingCode>> = {
  'bad-request': 'bad-room',
  'jid-malformed': 'bad-room',
  // Only authenticated users may open rooms, and nobody has yet.
  'not-authorized': 'join-failed',
  forbidden: 'join-failed',
  'not-allowed': 'join-failed',
};
