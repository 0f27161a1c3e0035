import { randomBytes } from 'node:crypto';
import type { BridgeTransport } from './media-bridge.ts';
import { copyOf, payload, type XmlElement, xml } from './xml.ts';

/** Shapes of what Jicofo 7ebb13dc sends; focus.test.ts compares them with the captures, element by element. */

export const ns = {
  focus: 'http://jitsi.org/protocol/focus',
  jingle: 'urn:xmpp:jingle:1',
  rtp: 'urn:xmpp:jingle:apps:rtp:1',
  headerExtension: 'urn:xmpp:jingle:apps:rtp:rtp-hdrext:0',
  source: 'urn:xmpp:jingle:apps:rtp:ssma:0',
  ice: 'urn:xmpp:jingle:transports:ice-udp:1',
  dtls: 'urn:xmpp:jingle:apps:dtls:0',
  jitmeet: 'http://jitsi.org/jitmeet',
  colibri: 'http://jitsi.org/protocol/colibri',
  mute: 'http://jitsi.org/jitmeet/audio',
  rayo: 'urn:xmpp:rayo:1',
  muc: 'http://jabber.org/protocol/muc',
  mucUser: 'http://jabber.org/protocol/muc#user',
  discoInfo: 'http://jabber.org/protocol/disco#info',
  stanzas: 'urn:ietf:params:xml:ns:xmpp-stanzas',
} as const;

export interface Source {
  readonly ssrc: number;
  readonly name: string | undefined;
  readonly owner: string;
  readonly msid: string | undefined;
}

export function iq(type: 'get' | 'set', to: string, child: XmlElement): XmlElement {
  return xml('iq', { type, to }, child);
}

export function resultTo(request: XmlElement, child?: XmlElement): XmlElement {
  return xml(
    'iq',
    { type: 'result', to: request.attrs.from, from: request.attrs.to, id: request.attrs.id },
    child,
  );
}

export interface IqError {
  readonly type: 'auth' | 'cancel' | 'modify' | 'wait';
  readonly condition: string;
  readonly text?: string;
  /** Text inside the condition itself, as in `<gone>session ended</gone>`. */
  readonly inside?: string;
}

/** Jicofo echoes the request as its parser understood it: without group and bridge-session of a Jingle, without the headers of a dial. */
export function errorTo(request: XmlElement, error: IqError): XmlElement {
  return xml(
    'iq',
    { type: 'error', to: request.attrs.from, from: request.attrs.to, id: request.attrs.id },
    xml(
      'error',
      { type: error.type },
      xml(error.condition, { xmlns: ns.stanzas }, error.inside),
      error.text === undefined ? undefined : xml('text', { 'xml:lang': 'en' }, error.text),
    ),
    echo(payload(request)),
  );
}

function echo(child: XmlElement | undefined): XmlElement | undefined {
  if (child === undefined) return undefined;
  if (child.is('dial')) return xml('dial', { xmlns: ns.rayo, from: child.attrs.from, to: child.attrs.to });
  const copy = copyOf(child);
  const kept = copy.children.filter(
    (inner) => typeof inner === 'string' || !(inner.is('bridge-session') || inner.is('group')),
  );
  copy.children.splice(0, copy.children.length, ...kept);
  return copy;
}

export function conferenceResult(request: XmlElement, room: string, focusJid: string): XmlElement {
  const property = (name: string, value: string) => xml('property', { name, value });
  return resultTo(
    request,
    xml(
      'conference',
      { xmlns: ns.focus, room, ready: 'true', focusjid: focusJid },
      property('authentication', 'false'),
      property('sipGatewayEnabled', 'true'),
      property('visitors-supported', 'false'),
    ),
  );
}

/** Presence of `room/focus`. The first one, before any bridge was chosen, has no bridge-count. */
export function focusPresence(
  to: string,
  id: string,
  state: { readonly join: boolean; readonly bridges: number | undefined; readonly bridgeMissing?: boolean },
): XmlElement {
  const property = (key: string, value: string) => xml('property', { key, value });
  return xml(
    'presence',
    { to, id },
    state.join ? xml('x', { xmlns: ns.muc }) : undefined,
    xml('priority', {}, '0'),
    xml('etherpad', { xmlns: 'http://jitsi.org/jitmeet/etherpad' }, to.split('@')[0]),
    xml('versions', { xmlns: ns.jitmeet }, xml('component', { name: 'focus' }, '1.1.SNAPSHOT')),
    xml(
      'conference-properties',
      { xmlns: ns.focus },
      property('support-terminate-restart', 'true'),
      state.bridges === undefined ? undefined : property('bridge-count', String(state.bridges)),
    ),
    state.bridgeMissing === true ? xml('bridgeNotAvailable', { xmlns: ns.focus }) : undefined,
    caps(),
  );
}

/** Presence of `brewery/focus`. */
export function breweryPresence(to: string, id: string): XmlElement {
  return xml('presence', { to, id }, xml('x', { xmlns: ns.muc }), xml('priority', {}, '0'), caps());
}

function caps(): XmlElement {
  return xml('c', {
    xmlns: 'http://jabber.org/protocol/caps',
    hash: 'sha-1',
    ver: 'Lg0vhCNhxjoeKJi2/hukdsizNWA=',
    node: 'http://jitsi.org/jicofo',
  });
}

export function discoQuery(to: string): XmlElement {
  return iq('get', to, xml('query', { xmlns: ns.discoInfo }));
}

export interface Offer {
  readonly sid: string;
  readonly initiator: string;
  readonly bridgeSession: string;
  readonly transport: BridgeTransport;
  /** `jvb-a0` and the others' sources. */
  readonly sources: readonly Source[];
  readonly startMuted: boolean;
  /** The occupant answered disco#info without `urn:xmpp:jingle:apps:rtp:audio`: an offer with no contents. */
  readonly withAudio: boolean;
  readonly payloadTypes: { readonly opus: number; readonly telephoneEvent: number };
}

export function sessionInitiate(to: string, offer: Offer): XmlElement {
  const jingle = xml(
    'jingle',
    { xmlns: ns.jingle, initiator: offer.initiator, sid: offer.sid, action: 'session-initiate' },
    offer.withAudio ? audioContent(to, offer) : undefined,
    xml(
      'group',
      { xmlns: 'urn:xmpp:jingle:apps:grouping:0', semantics: 'BUNDLE' },
      offer.withAudio ? xml('content', { name: 'audio' }) : undefined,
    ),
    offer.startMuted
      ? xml('startmuted', { xmlns: 'http://jitsi.org/jitmeet/start-muted', audio: 'true', video: 'false' })
      : undefined,
    xml('bridge-session', { xmlns: ns.focus, id: offer.bridgeSession }),
    xml('traceparent', {
      xmlns: 'jitsi:opentelemetry',
      parent_id: '0'.repeat(16),
      trace_flags: '00',
      trace_id: '0'.repeat(32),
    }),
  );
  return iq('set', to, jingle);
}

function audioContent(to: string, offer: Offer): XmlElement {
  return xml(
    'content',
    { name: 'audio', creator: 'initiator', senders: 'both' },
    xml(
      'description',
      { xmlns: ns.rtp, media: 'audio', maxptime: '60' },
      ...payloadTypes(offer.payloadTypes),
      xml('rtp-hdrext', {
        xmlns: ns.headerExtension,
        uri: 'urn:ietf:params:rtp-hdrext:ssrc-audio-level',
        id: '1',
      }),
      xml('rtp-hdrext', { xmlns: ns.headerExtension, uri: 'urn:ietf:params:rtp-hdrext:sdes:mid', id: '10' }),
      xml('extmap-allow-mixed', { xmlns: ns.headerExtension }),
      xml('rtcp-mux'),
      ...offer.sources.map(source),
    ),
    transport(to, offer.transport),
  );
}

function payloadTypes(numbers: Offer['payloadTypes']): XmlElement[] {
  const parameter = (name: string, value: string) => xml('parameter', { name, value });
  return [
    xml(
      'payload-type',
      { channels: '2', id: String(numbers.opus), name: 'opus', clockrate: '48000' },
      parameter('minptime', '10'),
      parameter('useinbandfec', '1'),
    ),
    xml('payload-type', { name: 'telephone-event', clockrate: '8000', id: String(numbers.telephoneEvent) }),
  ];
}

function transport(to: string, offered: BridgeTransport): XmlElement {
  const nick = to.split('/')[1] ?? '';
  return xml(
    'transport',
    { xmlns: ns.ice, pwd: offered.pwd, ufrag: offered.ufrag },
    xml('web-socket', {
      xmlns: ns.colibri,
      url: `ws://127.0.0.1:9/colibri-ws/jvb1/${randomBytes(8).toString('hex')}/${nick}?pwd=${randomBytes(12).toString('hex')}`,
    }),
    xml('rtcp-mux'),
    xml(
      'fingerprint',
      {
        xmlns: ns.dtls,
        required: 'false',
        hash: offered.fingerprint.hash,
        cryptex: 'false',
        setup: 'actpass',
      },
      offered.fingerprint.value,
    ),
    ...offered.candidates.map((candidate, index) =>
      xml('candidate', {
        ip: candidate.ip,
        network: '0',
        id: randomBytes(12).toString('hex'),
        component: '1',
        protocol: 'udp',
        generation: '0',
        type: 'host',
        port: String(candidate.port),
        foundation: String(index + 1),
        priority: String(candidate.priority),
      }),
    ),
  );
}

function source(described: Source): XmlElement {
  return xml(
    'source',
    { name: described.name, xmlns: ns.source, ssrc: String(described.ssrc) },
    xml('ssrc-info', { owner: described.owner, xmlns: ns.jitmeet }),
    described.msid === undefined
      ? undefined
      : xml('parameter', { name: 'msid', xmlns: ns.rtp, value: described.msid }),
  );
}

/** `source-add` and `source-remove` have neither initiator nor creator. */
export function sourceChange(
  to: string,
  sid: string,
  action: 'source-add' | 'source-remove',
  sources: readonly Source[],
): XmlElement {
  const description = xml('description', { xmlns: ns.rtp, media: 'audio' }, ...sources.map(source));
  return iq(
    'set',
    to,
    xml('jingle', { xmlns: ns.jingle, action, sid }, xml('content', { name: 'audio' }, description)),
  );
}

export function sessionTerminate(to: string, sid: string, reason: string, text: string): XmlElement {
  return iq(
    'set',
    to,
    xml(
      'jingle',
      { xmlns: ns.jingle, action: 'session-terminate', sid },
      xml('reason', {}, xml(reason), xml('text', {}, text)),
    ),
  );
}

/** The moderator's mute; AV moderation mutes without an actor. */
export function muteRequest(to: string, actor: string | undefined, on: boolean): XmlElement {
  return iq('set', to, xml('mute', { xmlns: ns.mute, actor }, String(on)));
}

/** A dial as it goes on to a gateway in the brewery, or back: a copy with the headers. */
export function forwardedDial(to: string, dial: XmlElement): XmlElement {
  return iq('set', to, copyOf(dial));
}
