import { isIP } from 'node:net';
import { fail, ok, type Result } from '../errors.ts';
import { contentLimit, integer, limited, mediaOf, textLimit } from './jingle-fields.ts';
import { parseSources, type Source } from './jingle-sources.ts';
import { ns } from './namespaces.ts';
import { attribute, child, children, type Element, text } from './stanza.ts';
import type { JingleCandidate, JingleFingerprint, JingleOffer, JingleTransport } from './xmpp-side.ts';

/** A session-initiate, read (jitsi.md §5.2). */
export interface Initiate {
  readonly sid: string;
  readonly initiator: string | undefined;
  readonly bridgeSession: string | undefined;
  readonly contentName: string;
  /** As offered, for the answer. */
  readonly opus: Payload;
  readonly telephoneEvent: Payload | undefined;
  readonly sources: readonly Source[];
  readonly offer: JingleOffer;
}

export interface Payload {
  readonly id: number;
  readonly name: string;
  readonly clockrate: number;
  readonly channels: number | undefined;
}

const candidateLimit = 64;
const payloadLimit = 64;
const audioLevel = 'urn:ietf:params:rtp-hdrext:ssrc-audio-level';
export function parseInitiate(jingle: Element): Result<Initiate> {
  const sid = limited(attribute(jingle, 'sid'));
  if (sid === undefined) return fail('bad-request', 'no sid');
  const content = audioContent(jingle);
  const description = content && child(content, 'description', ns.rtp);
  const transport = content && child(content, 'transport', ns.iceUdp);
  if (!content || !description || !transport) return fail('bad-request', 'no audio content with ICE');
  const payloads = children(description, 'payload-type').slice(0, payloadLimit).map(parsePayload);
  const opus = payloads.find((payload) => payload?.name === 'opus' && payload.clockrate === 48_000);
  if (opus === undefined) return fail('bad-request', 'no opus');
  const telephoneEvent = payloads.find((p) => p?.name === 'telephone-event' && p.clockrate === 8000);
  const ice = parseTransport(transport);
  if (!ice.ok) return ice;
  const fingerprint = parseFingerprint(transport);
  if (!fingerprint.ok) return fingerprint;
  const sources = parseSources(jingle);
  const bridge = child(jingle, 'bridge-session', ns.focus);
  return ok({
    sid,
    initiator: limited(attribute(jingle, 'initiator'), 3 * 1024),
    bridgeSession: bridge && limited(attribute(bridge, 'id')),
    contentName: limited(attribute(content, 'name')) ?? 'audio',
    opus,
    telephoneEvent,
    sources,
    offer: {
      sid,
      transport: ice.value,
      fingerprint: fingerprint.value,
      opusPayloadType: opus.id,
      telephoneEventPayloadType: telephoneEvent?.id,
      audioLevelId: audioLevelId(description),
      sources: sources.map(({ ssrc }) => ssrc),
      startMuted: startMuted(jingle),
    },
  });
}

/** Candidates and credentials of a content's ICE transport. */
export function parseTransport(transport: Element): Result<JingleTransport> {
  const ufrag = attribute(transport, 'ufrag') ?? '';
  const pwd = attribute(transport, 'pwd') ?? '';
  // RFC 8839 §5.4: ice-char only, ufrag 4 to 256, password 22 to 256.
  if (!/^[A-Za-z0-9+/]{4,256}$/.test(ufrag) || !/^[A-Za-z0-9+/]{22,256}$/.test(pwd)) {
    return fail('bad-request', 'no valid ICE credentials');
  }
  return ok({ ufrag, pwd, candidates: parseCandidates(transport) });
}

/** All candidates of all ICE transports in a transport-info; unusable ones (TCP, names, other components) are left out. */
export function parseTransportInfo(jingle: Element): JingleCandidate[] {
  return children(jingle, 'content')
    .slice(0, contentLimit)
    .flatMap((content) => children(content, 'transport', ns.iceUdp).slice(0, 1))
    .flatMap(parseCandidates)
    .slice(0, candidateLimit);
}

/** The element inside of `<reason>` and its text. */
export function parseReason(jingle: Element): string {
  const reason = child(jingle, 'reason');
  if (reason === undefined) return 'unknown';
  const named = children(reason).find((part) => part.getName() !== 'text');
  const words = child(reason, 'text');
  const parts = [named?.getName() ?? 'unknown', words === undefined ? '' : text(words)];
  return parts
    .filter((part) => part !== '')
    .join(': ')
    .slice(0, textLimit);
}

function audioContent(jingle: Element): Element | undefined {
  return children(jingle, 'content')
    .slice(0, contentLimit)
    .find((content) => {
      const description = child(content, 'description', ns.rtp);
      return description !== undefined && mediaOf(content, description) === 'audio';
    });
}

function parsePayload(element: Element): Payload | undefined {
  const id = integer(attribute(element, 'id'), 0, 127);
  const name = limited(attribute(element, 'name'))?.toLowerCase();
  const clockrate = integer(attribute(element, 'clockrate'), 1, 192_000);
  if (id === undefined || name === undefined || clockrate === undefined) return undefined;
  return { id, name, clockrate, channels: integer(attribute(element, 'channels'), 1, 8) };
}

function parseCandidates(transport: Element): JingleCandidate[] {
  return children(transport, 'candidate')
    .slice(0, candidateLimit)
    .map(parseCandidate)
    .filter((candidate) => candidate !== undefined);
}

function parseCandidate(element: Element): JingleCandidate | undefined {
  const type = attribute(element, 'type');
  const address = attribute(element, 'ip') ?? '';
  const port = integer(attribute(element, 'port'), 1, 65_535);
  const priority = integer(attribute(element, 'priority'), 0, 2 ** 32 - 1);
  const foundation = attribute(element, 'foundation') ?? '';
  if (attribute(element, 'component') !== '1') return undefined;
  if (attribute(element, 'protocol')?.toLowerCase() !== 'udp' || isIP(address) === 0) return undefined;
  if (type !== 'host' && type !== 'srflx' && type !== 'prflx' && type !== 'relay') return undefined;
  if (port === undefined || priority === undefined || !/^[A-Za-z0-9+/]{1,32}$/.test(foundation))
    return undefined;
  return { foundation, priority, address, port, type };
}

/** RFC 8122; a session without a strong fingerprint is refused, since nothing else authenticates the bridge's media. */
function parseFingerprint(transport: Element): Result<JingleFingerprint> {
  const element = child(transport, 'fingerprint', ns.dtls);
  if (element === undefined) return fail('bad-request', 'no fingerprint');
  const hash = attribute(element, 'hash')?.toLowerCase() ?? '';
  const octets = { 'sha-256': 32, 'sha-384': 48, 'sha-512': 64 }[hash];
  const value = text(element).trim().toUpperCase();
  const setup = attribute(element, 'setup');
  if (octets === undefined || !new RegExp(`^(?:[0-9A-F]{2}:){${octets - 1}}[0-9A-F]{2}$`).test(value)) {
    return fail('bad-request', 'fingerprint is unreadable or weak');
  }
  if (setup !== 'actpass' && setup !== 'active' && setup !== 'passive') {
    return fail('bad-request', 'fingerprint without setup');
  }
  return ok({ hash, value, setup });
}

function audioLevelId(description: Element): number | undefined {
  const extension = children(description, 'rtp-hdrext').find(
    (found) => attribute(found, 'uri') === audioLevel,
  );
  return extension && integer(attribute(extension, 'id'), 1, 14);
}

function startMuted(jingle: Element): boolean {
  const found = child(jingle, 'startmuted', ns.startMuted);
  return found !== undefined && attribute(found, 'audio') === 'true';
}
