import { ns } from './namespaces.ts';
import { type Element, element } from './stanza.ts';

/** Who the component is (XEP-0030): what Jicofo before 2020 and administrators' tools look for. */
export function componentInfo(node?: string): Element {
  return info(node, { category: 'component', type: 'generic', name: 'Call control' }, [
    ns.discoInfo,
    ns.jigasi,
    ns.rayoFeature,
    ns.rayo,
  ]);
}

/**
 * What an occupant can do. Jicofo builds its offer from this: audio, and neither video nor SCTP. Not `opus-red`: we do not read
 * it. Not `audio-mute`: a phone has no way yet to unmute itself after a moderator muted it.
 */
export const occupantFeatures = [
  ns.discoInfo,
  ns.jingle,
  ns.rtp,
  ns.rtpAudio,
  ns.headerExtension,
  ns.iceUdp,
  ns.dtls,
  ns.dtmf,
  ns.jigasi,
] as const;

export function occupantInfo(node?: string): Element {
  return info(node, { category: 'client', type: 'phone', name: 'jigasi' }, occupantFeatures);
}

/** The answer to disco#items: there are none. */
export function noItems(): Element {
  return element('query', { xmlns: ns.discoItems });
}

/** `node` is repeated in the answer (XEP-0030 §3.2). */
function info(
  node: string | undefined,
  identity: Readonly<Record<string, string>>,
  features: readonly string[],
): Element {
  return element(
    'query',
    { xmlns: ns.discoInfo, node },
    element('identity', identity),
    ...features.map((feature) => element('feature', { var: feature })),
  );
}
