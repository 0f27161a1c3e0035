import type { FocusSession } from './focus-session.ts';
import { ns, type Source } from './focus-stanzas.ts';
import type { XmlElement } from './xml.ts';

/** What the focus knows of an occupant. */
export interface FocusParticipant {
  readonly nick: string;
  readonly occupantJid: string;
  readonly realJid: string;
  /** Has the jigasi feature in presence and comes from a trusted domain. */
  readonly jigasi: boolean;
  moderator: boolean;
  /** Of disco#info; undefined: not answered yet. `unanswered` counts as audio and video. */
  features: ReadonlySet<string> | 'unanswered' | undefined;
  session: FocusSession | undefined;
  /** A bridge endpoint is being made for it. */
  inviting: boolean;
  /** Its session ended for good (terminated, refused): it is not invited again until it asks or others come. */
  done: boolean;
  sources: Source[];
  /** Sessions that ended in order: what still comes for them is answered with `gone`. */
  readonly pastSids: Set<string>;
  lastRestart: number;
}

export function newParticipant(presence: XmlElement, trustedDomains: readonly string[]): FocusParticipant {
  const occupantJid = presence.attrs.from ?? '';
  const item = presence.getChild('x', ns.mucUser)?.getChild('item');
  const realJid = item?.attrs.jid ?? '';
  const features = presence.getChild('features')?.getChildren('feature') ?? [];
  const domain = realJid.split('/')[0]?.split('@').at(-1) ?? '';
  return {
    nick: occupantJid.slice(occupantJid.indexOf('/') + 1),
    occupantJid,
    realJid,
    jigasi:
      trustedDomains.includes(domain) &&
      features.some((feature) => feature.attrs.var === 'http://jitsi.org/protocol/jigasi'),
    moderator: item?.attrs.role === 'moderator',
    features: undefined,
    session: undefined,
    inviting: false,
    done: false,
    sources: [],
    pastSids: new Set(),
    lastRestart: Number.NEGATIVE_INFINITY,
  };
}

export function hasAudio(participant: FocusParticipant): boolean {
  const { features } = participant;
  return features === 'unanswered' || features?.has('urn:xmpp:jingle:apps:rtp:audio') === true;
}
