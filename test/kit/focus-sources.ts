import { ns, type Source } from './focus-stanzas.ts';
import type { EndpointAnswer } from './media-bridge.ts';
import type { XmlElement } from './xml.ts';

/** The sources of a session-accept, source-add or source-remove, as Jicofo reads them (ValidatingConferenceSourceMap). */
export function readSources(jingle: XmlElement, owner: string): Source[] {
  return jingle
    .getChildren('content')
    .flatMap((content) => content.getChild('description', ns.rtp)?.getChildren('source', ns.source) ?? [])
    .map((element) => ({
      ssrc: Number(element.attrs.ssrc ?? Number.NaN),
      name: element.attrs.name,
      // Jicofo parses the endpoint id as a domain: upper case comes back as lower case.
      owner: owner.toLowerCase(),
      msid: element.getChildren('parameter').find((parameter) => parameter.attrs.name === 'msid')?.attrs
        .value,
    }));
}

/** Why Jicofo would refuse these sources beside those of the room; undefined: it takes them. */
export function refusal(added: readonly Source[], inRoom: readonly Source[]): string | undefined {
  const ssrcs = new Set(inRoom.map((source) => source.ssrc));
  for (const source of added) {
    if (!Number.isInteger(source.ssrc) || source.ssrc < 1 || source.ssrc > 0xffffffff) {
      return `Invalid SSRC: ${source.ssrc}.`;
    }
    if (ssrcs.has(source.ssrc)) return `SSRC is already used: ${source.ssrc}.`;
    ssrcs.add(source.ssrc);
    const sameMsid = (other: Source) => other.owner !== source.owner && other.msid === source.msid;
    if (source.msid !== undefined && inRoom.some(sameMsid)) return `MSID is already used: ${source.msid}.`;
    // Without an msid Jicofo accepts, but browsers that join later get no track: recorded by the tests as a fault.
  }
  if (added.length > 20) return 'Maximum number of sources exceeded: 20.';
  return undefined;
}

/** The media description of a session-accept; undefined when something is missing that a bridge cannot do without. */
export function readAnswer(jingle: XmlElement, ssrcs: readonly number[]): EndpointAnswer | undefined {
  const content = jingle.getChildren('content').find((element) => element.attrs.name === 'audio');
  const description = content?.getChild('description', ns.rtp);
  const transport = content?.getChild('transport', ns.ice);
  const fingerprint = transport?.getChild('fingerprint', ns.dtls);
  const { ufrag, pwd } = transport?.attrs ?? {};
  const opus = description?.getChildren('payload-type').find((element) => element.attrs.name === 'opus');
  if (ufrag === undefined || pwd === undefined || fingerprint === undefined || opus === undefined)
    return undefined;
  return {
    ufrag,
    pwd,
    fingerprint: {
      hash: fingerprint.attrs.hash ?? '',
      value: fingerprint.getText(),
      setup: fingerprint.attrs.setup ?? '',
    },
    opusPayloadType: Number(opus.attrs.id),
    headerExtensions: new Map(
      (description?.getChildren('rtp-hdrext', ns.headerExtension) ?? []).map((element) => [
        element.attrs.uri ?? '',
        Number(element.attrs.id),
      ]),
    ),
    ssrcs,
  };
}
