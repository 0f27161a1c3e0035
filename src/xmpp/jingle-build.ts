import type { Initiate, Payload } from './jingle-parse.ts';
import { ns } from './namespaces.ts';
import { type Element, element } from './stanza.ts';
import type { JingleAnswer, JingleCandidate } from './xmpp-side.ts';

/** What a session is known by towards the focus. */
export interface SessionIds {
  readonly sid: string;
  readonly initiator: string | undefined;
  /** Without it Jicofo does not believe a session-terminate. */
  readonly bridgeSession: string | undefined;
}

/**
 * A session-accept as Jicofo takes it (jitsi-live.md "To be accepted" 5): one source with a name and a msid that nobody else
 * has; DTLS active. `responder`: our full JID; `nick` names the source.
 */
export function sessionAccept(
  initiate: Initiate,
  answer: JingleAnswer,
  us: { readonly jid: string; readonly nick: string },
): Element {
  const { sid, initiator, contentName, opus, telephoneEvent, offer } = initiate;
  const { audioLevelId } = offer;
  const description = element(
    'description',
    { xmlns: ns.rtp, media: 'audio' },
    payloadType(opus, { minptime: 10, useinbandfec: 1 }),
    ...(telephoneEvent === undefined ? [] : [payloadType(telephoneEvent, {})]),
    ...(audioLevelId === undefined ? [] : [audioLevelExtension(audioLevelId)]),
    ownSource(answer.ssrc, us.nick),
    element('rtcp-mux'),
  );
  const content = element(
    'content',
    { creator: 'initiator', name: contentName, senders: 'both' },
    description,
    transport(answer),
  );
  const group = element(
    'group',
    { xmlns: ns.grouping, semantics: 'BUNDLE' },
    element('content', { name: contentName }),
  );
  return jingle('session-accept', { sid, initiator, responder: us.jid }, content, group);
}

/** With `restart` the focus is asked for a new session-initiate (at most once in 5 s). */
export function sessionTerminate(ids: SessionIds, reason: string, restart = false): Element {
  return jingle(
    'session-terminate',
    { sid: ids.sid, initiator: ids.initiator },
    element('reason', {}, element(reason)),
    ...bridgeSession(ids.bridgeSession, restart),
  );
}

export function transportReject(ids: SessionIds, contentName: string): Element {
  const content = element('content', { creator: 'initiator', name: contentName });
  return jingle('transport-reject', { sid: ids.sid, initiator: ids.initiator }, content);
}

function jingle(
  action: string,
  attributes: Readonly<Record<string, string | undefined>>,
  ...content: Element[]
): Element {
  return element('jingle', { xmlns: ns.jingle, action, ...attributes }, ...content);
}

function bridgeSession(id: string | undefined, restart: boolean): Element[] {
  if (id === undefined) return [];
  return [element('bridge-session', { xmlns: ns.focus, id, restart: restart ? true : undefined })];
}

function payloadType(payload: Payload, parameters: Readonly<Record<string, number>>): Element {
  const { id, name, clockrate, channels } = payload;
  return element(
    'payload-type',
    { id, name, clockrate, channels },
    ...Object.entries(parameters).map(([key, value]) => element('parameter', { name: key, value })),
  );
}

function audioLevelExtension(id: number): Element {
  return element('rtp-hdrext', {
    xmlns: ns.headerExtension,
    id,
    uri: 'urn:ietf:params:rtp-hdrext:ssrc-audio-level',
  });
}

function ownSource(ssrc: number, nick: string): Element {
  const msid = `${nick}-audio-0 ${nick}-a0-track`;
  return element(
    'source',
    { xmlns: ns.source, ssrc, name: `${nick}-a0` },
    element('parameter', { name: 'msid', value: msid }),
  );
}

function transport({ transport: ice, fingerprint }: JingleAnswer): Element {
  const { hash, value } = fingerprint;
  return element(
    'transport',
    { xmlns: ns.iceUdp, ufrag: ice.ufrag, pwd: ice.pwd },
    element('rtcp-mux'),
    element('fingerprint', { xmlns: ns.dtls, hash, setup: 'active', required: false }, value),
    ...ice.candidates.map(candidate),
  );
}

function candidate(found: JingleCandidate, index: number): Element {
  const { address: ip, foundation, port, priority, type } = found;
  const attributes = { component: 1, generation: 0, id: `c${index}`, network: 0, protocol: 'udp' };
  return element('candidate', { ...attributes, foundation, ip, port, priority, type });
}
