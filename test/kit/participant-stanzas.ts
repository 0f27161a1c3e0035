import { randomBytes } from 'node:crypto';
import { ns, resultTo } from './focus-stanzas.ts';
import { copyOf, type XmlElement, xml } from './xml.ts';

export function conferenceRequest(room: string, properties: Readonly<Record<string, string>>): XmlElement {
  const elements = Object.entries(properties).map(([name, value]) => xml('property', { name, value }));
  return xml('conference', { xmlns: ns.focus, room }, ...elements);
}

export function joinPresence(to: string, displayName: string, password: string | undefined): XmlElement {
  const nick = to.split('/')[1] ?? '';
  return xml(
    'presence',
    { to },
    xml('x', { xmlns: ns.muc }, password === undefined ? undefined : xml('password', {}, password)),
    xml('nick', { xmlns: 'http://jabber.org/protocol/nick' }, displayName),
    xml('SourceInfo', {}, JSON.stringify({ [`${nick}-a0`]: { muted: false } })),
  );
}

const features = [
  ns.discoInfo,
  ns.jingle,
  ns.rtp,
  'urn:xmpp:jingle:apps:rtp:audio',
  ns.ice,
  ns.dtls,
  'http://jitsi.org/protocol/audio-mute',
  'http://jitsi.org/source-name',
];

export function discoAnswer(query: XmlElement): XmlElement {
  return resultTo(
    query,
    xml(
      'query',
      { xmlns: ns.discoInfo },
      xml('identity', { category: 'client', type: 'web', name: 'kit' }),
      ...features.map((name) => xml('feature', { var: name })),
    ),
  );
}

/** A session-accept as alice's in capture 02, with a transport that nobody uses. */
export function acceptOf(offer: XmlElement, jid: string, nick: string, ssrc: number): XmlElement {
  const content = offer.getChild('content');
  const offered = content?.getChild('description', ns.rtp);
  const kept = [
    ...(offered?.getChildren('payload-type') ?? []),
    ...(offered?.getChildren('rtp-hdrext') ?? []).slice(0, 1),
  ];
  const msid = xml('parameter', { name: 'msid', value: `${nick}-audio-0 ${nick}-a0-track` });
  const description = xml(
    'description',
    { xmlns: ns.rtp, media: 'audio' },
    ...kept.map(copyOf),
    xml('source', { xmlns: ns.source, ssrc: String(ssrc), name: `${nick}-a0` }, msid),
    xml('rtcp-mux'),
  );
  const fingerprint = randomBytes(32).toString('hex').toUpperCase().match(/../g)?.join(':') ?? '';
  const transport = xml(
    'transport',
    { xmlns: ns.ice, ufrag: randomBytes(2).toString('hex'), pwd: randomBytes(11).toString('hex') },
    xml('rtcp-mux'),
    xml('fingerprint', { xmlns: ns.dtls, hash: 'sha-256', setup: 'active', required: 'false' }, fingerprint),
    xml('candidate', {
      component: '1',
      foundation: '1',
      generation: '0',
      id: 'c0',
      ip: '127.0.0.1',
      network: '0',
      port: '9',
      priority: '2116026367',
      protocol: 'udp',
      type: 'host',
    }),
  );
  return xml(
    'jingle',
    {
      xmlns: ns.jingle,
      action: 'session-accept',
      sid: offer.attrs.sid,
      initiator: offer.attrs.initiator,
      responder: jid,
    },
    xml('content', { creator: 'initiator', name: 'audio', senders: 'both' }, description, transport),
    xml(
      'group',
      { xmlns: 'urn:xmpp:jingle:apps:grouping:0', semantics: 'BUNDLE' },
      xml('content', { name: 'audio' }),
    ),
  );
}

/** The sources that a Jingle of the focus describes. */
export function describedSources(jingle: XmlElement): { ssrc: number; owner: string }[] {
  const elements = jingle
    .getChildren('content')
    .flatMap((content) => content.getChild('description', ns.rtp)?.getChildren('source', ns.source) ?? []);
  return elements.map((element) => ({
    ssrc: Number(element.attrs.ssrc),
    owner: element.getChild('ssrc-info', ns.jitmeet)?.attrs.owner ?? '',
  }));
}
