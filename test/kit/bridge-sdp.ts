import type { EndpointAnswer } from './media-bridge.ts';

/** Numbers that the focus offers; libwebrtc is made to use the same. */
export interface BridgePayloadTypes {
  readonly opus: number;
  readonly telephoneEvent: number;
}

const extensions = [
  [1, 'urn:ietf:params:rtp-hdrext:ssrc-audio-level'],
  [10, 'urn:ietf:params:rtp-hdrext:sdes:mid'],
] as const;

export const audioLevelUri = extensions[0][1];

/**
 * libwebrtc's offer with what a videobridge offers and nothing else: Opus and telephone-event, audio level and mid, and in
 * each sending section the SSRC of the source that it stands for (`ssrcs`, by section; undefined: it only receives).
 */
export function asBridgeOffer(
  sdp: string,
  ssrcs: readonly (number | undefined)[],
  numbers: BridgePayloadTypes,
): string {
  const [session = '', ...sections] = sdp.split(/(?=^m=)/m);
  return session + sections.map((section, index) => bridgeSection(section, ssrcs[index], numbers)).join('');
}

function bridgeSection(section: string, ssrc: number | undefined, numbers: BridgePayloadTypes): string {
  const kept = section
    .split('\r\n')
    .slice(1)
    .filter((line) => line !== '' && !/^a=(rtpmap|fmtp|rtcp-fb|extmap):/.test(line))
    .map((line) => (ssrc === undefined ? line : line.replace(/^a=ssrc:\d+/, `a=ssrc:${ssrc}`)));
  const lines = [
    `m=audio 9 UDP/TLS/RTP/SAVPF ${numbers.opus} ${numbers.telephoneEvent}`,
    ...kept,
    ...extensions.map(([id, uri]) => `a=extmap:${id} ${uri}`),
    ...codecs(numbers),
  ];
  return `${lines.join('\r\n')}\r\n`;
}

function codecs({ opus, telephoneEvent }: BridgePayloadTypes): string[] {
  return [
    `a=rtpmap:${opus} opus/48000/2`,
    `a=fmtp:${opus} minptime=10;useinbandfec=1`,
    `a=rtpmap:${telephoneEvent} telephone-event/8000`,
  ];
}

/** The answer that a browser would have given for this session-accept: without candidates. */
export function answerSdp(sections: number, answer: EndpointAnswer, numbers: BridgePayloadTypes): string {
  const mids = Array.from({ length: sections }, (_, index) => index);
  const session = [
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    `a=group:BUNDLE ${mids.join(' ')}`,
    'a=extmap-allow-mixed',
  ];
  return `${[...session, ...mids.flatMap((mid) => answerSection(mid, answer, numbers))].join('\r\n')}\r\n`;
}

function answerSection(mid: number, answer: EndpointAnswer, numbers: BridgePayloadTypes): string[] {
  const receives = mid === 0;
  const [ssrc] = answer.ssrcs;
  const source = [`a=ssrc:${ssrc} cname:gateway`, `a=ssrc:${ssrc} msid:gateway audio`];
  return [
    `m=audio 9 UDP/TLS/RTP/SAVPF ${numbers.opus} ${numbers.telephoneEvent}`,
    'c=IN IP4 0.0.0.0',
    'a=rtcp:9 IN IP4 0.0.0.0',
    `a=ice-ufrag:${answer.ufrag}`,
    `a=ice-pwd:${answer.pwd}`,
    `a=fingerprint:${answer.fingerprint.hash} ${answer.fingerprint.value}`,
    `a=setup:${answer.fingerprint.setup}`,
    `a=mid:${mid}`,
    ...[...answer.headerExtensions].map(([uri, id]) => `a=extmap:${id} ${uri}`),
    receives ? 'a=sendonly' : 'a=recvonly',
    'a=rtcp-mux',
    ...codecs({ ...numbers, opus: answer.opusPayloadType }),
    ...(receives && ssrc !== undefined ? source : []),
  ];
}

/** A single value of the SDP, e.g. `ice-ufrag`. */
export function sdpValue(sdp: string, name: string): string {
  const found = new RegExp(`^a=${name}:(.+)$`, 'm').exec(sdp)?.[1];
  if (found === undefined) throw new Error(`no ${name} in the offer`);
  return found.trim();
}
