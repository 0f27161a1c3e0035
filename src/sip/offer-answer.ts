import { isIP } from 'node:net';
import { fail, ok, type Result } from '../errors.ts';
import {
  type AudioFormat,
  audioFormats,
  describeAnswer,
  describeOffer,
  type EventFormat,
  eventFor,
  eventFormats,
  isNowhere,
  noiseFor,
  obstacle,
  packetTime,
  wantsDtx,
} from './audio-formats.ts';
import type { AudioSession, LocalAudio } from './audio-session.ts';
import { type CryptoAttribute, offeredCrypto } from './crypto-attribute.ts';
import {
  type Direction,
  type OwnMedia,
  type OwnSdp,
  parseSdp,
  type SdpBody,
  type SdpMedia,
  type SdpTiming,
  writeSdp,
} from './sdp-text.ts';

/**
 * Our SDP offer (RFC 3264 §5). `previous` is the last body that *we* sent in the same dialog: a further offer keeps
 * its media lines in number and order (§8), the refused ones with port 0.
 */
export function writeOffer(local: LocalAudio, previous?: string): string {
  const before = previous === undefined ? undefined : parseSdp(previous);
  const lines = before?.ok ? before.value.media : [];
  const place = Math.max(0, indexOfAudio(lines));
  const audio: OwnMedia = {
    kind: 'audio',
    port: local.rtpPort,
    protocol: lines[place]?.protocol ?? (local.srtp?.policy === 'required' ? 'RTP/SAVP' : 'RTP/AVP'),
    crypto: local.srtp === undefined ? [] : offeredCrypto(local.srtp.keys),
    ...describeOffer(local.codecs),
    ptimeMs: 20,
    direction: local.direction ?? 'sendrecv',
  };
  const media =
    lines.length === 0 ? [audio] : lines.map((line, index) => (index === place ? audio : refusal(line)));
  return writeSdp(own(local, { start: 0, stop: 0 }, media));
}

/**
 * Answers an offer (RFC 3264 §6): the first audio line that we can serve gets one codec (the offerer's first that is among
 * ours, or our first when `codecOrder` is `ours`) and one telephone-event; every other line is refused with port 0.
 * `previous`: what was agreed before in this dialog; then a removed audio line (port 0) is a session that is `inactive`, and
 * a peer on hold keeps its address.
 * Fails with `bad-request` (not SDP) and `no-common-codec` (no line can be served).
 */
export function answerOffer(
  offerSdp: string,
  local: LocalAudio,
  previous?: AudioSession,
): Result<{ readonly sdp: string; readonly audio: AudioSession }> {
  const offer = parseSdp(offerSdp);
  if (!offer.ok) return offer;
  const choice = chooseLine(offer.value, local);
  if (choice.line === undefined)
    return previous
      ? answerRemoval(offer.value, local, previous, choice.why)
      : fail('no-common-codec', choice.why);
  const { line, format } = choice;
  const theirs = local.srtp === undefined ? undefined : line.crypto[0];
  const event = eventFor(format.codec, eventFormats(line));
  const comfortNoise = noiseFor(format.codec, line);
  const audio = {
    ...(comfortNoise !== undefined && { comfortNoise }),
    ...session(line, local.direction ?? 'sendrecv', format, format, matched(event, event), previous),
    ...secured(local, theirs),
  };
  const answer: OwnMedia = {
    kind: line.kind,
    port: local.rtpPort,
    protocol: line.protocol,
    crypto: theirs && local.srtp ? [{ ...theirs, key: local.srtp.keys[theirs.suite] }] : [],
    ...describeAnswer(format, event, comfortNoise),
    ptimeMs: audio.ptimeMs,
    direction: audio.direction,
  };
  const media = offer.value.media.map((other) => (other === line ? answer : refusal(other)));
  return ok({ sdp: writeSdp(own(local, offer.value.timing, media)), audio });
}

/**
 * Reads the answer to an offer of ours; `offerSdp` is given when it was not plainly `writeOffer(local)`.
 * Fails with `bad-request` (not SDP, or lines are missing) and `no-common-codec` (our audio was refused).
 */
export function readAnswer(
  answerSdp: string,
  local: LocalAudio,
  offerSdp = writeOffer(local),
): Result<AudioSession> {
  const answer = parseSdp(answerSdp);
  if (!answer.ok) return answer;
  const offer = parseSdp(offerSdp);
  if (!offer.ok) return offer;
  const index = indexOfAudio(offer.value.media);
  const [ours, line] = [offer.value.media[index], answer.value.media[index]];
  if (ours === undefined || line === undefined)
    return fail('bad-request', 'SDP: the answer lacks our audio line');
  const why = obstacle(line, isIP(local.address), local.srtp);
  if (why !== undefined) return fail('no-common-codec', `the answer's audio: ${why}`);
  const offered = audioFormats(ours);
  const agreed = audioFormats(line, ours.rtpMaps);
  for (const send of agreed) {
    const receive = offered.find(({ codec }) => codec === send.codec);
    if (receive === undefined) continue;
    const event = eventFor(send.codec, eventFormats(line, ours.rtpMaps));
    const ourEvent = eventFormats(ours).find(({ clockRate }) => clockRate === event?.clockRate);
    const crypto = line.crypto.find(({ tag, suite }) =>
      ours.crypto.some((offered) => offered.tag === tag && offered.suite === suite),
    );
    if (crypto === undefined && line.crypto.length > 0) break;
    return ok({
      ...session(line, ours.direction, send, receive, matched(event, ourEvent), undefined),
      ...secured(local, crypto),
      alternatives: offered.filter(
        ({ codec }) => codec !== send.codec && agreed.some((format) => format.codec === codec),
      ),
    });
  }
  return fail('no-common-codec', 'the answer has none of the offered codecs, or another crypto line');
}

type Choice =
  | { readonly line: SdpMedia; readonly format: AudioFormat }
  | { readonly line: undefined; readonly why: string };

function chooseLine(offer: SdpBody, local: LocalAudio): Choice {
  const reasons: string[] = [];
  for (const line of offer.media) {
    const why = obstacle(line, isIP(local.address), local.srtp);
    const format = why === undefined ? chooseFormat(line, local) : undefined;
    if (format !== undefined) return { line, format };
    reasons.push(why ?? `none of ${local.codecs.join(', ')} is offered`);
  }
  return { line: undefined, why: reasons.join('; ') || 'the offer has no media line' };
}

function chooseFormat(line: SdpMedia, local: LocalAudio): AudioFormat | undefined {
  const formats = audioFormats(line).filter(({ codec }) => local.codecs.includes(codec));
  if (local.codecOrder !== 'ours') return formats[0];
  return local.codecs.flatMap((codec) => formats.find((format) => format.codec === codec) ?? [])[0];
}

/** A re-offer that removes its audio (port 0) is legal; one with audio that we cannot serve is not acceptable. */
function answerRemoval(offer: SdpBody, local: LocalAudio, previous: AudioSession, why: string) {
  const removed = offer.media.some(({ kind }) => kind === 'audio');
  if (!removed || offer.media.some(({ kind, port }) => kind === 'audio' && port !== 0))
    return fail('no-common-codec', why);
  const sdp = writeSdp(own(local, offer.timing, offer.media.map(refusal)));
  return ok({ sdp, audio: { ...previous, direction: 'inactive' as const } });
}

function session(
  line: SdpMedia,
  wish: Direction,
  send: AudioFormat,
  receive: AudioFormat,
  telephoneEvent: AudioSession['telephoneEvent'],
  previous: AudioSession | undefined,
): AudioSession {
  const address = line.address ?? '';
  const held = isNowhere(address);
  const rtcpPort = line.rtcpPort ?? Math.min(line.port + 1, 65_535);
  return {
    remote: held && previous ? previous.remote : { address, port: line.port, rtcpPort },
    ...(held && { isNowhere: true as const }),
    codec: send.codec,
    sendPayloadType: send.payloadType,
    receivePayloadType: receive.payloadType,
    telephoneEvent,
    ptimeMs: packetTime(line, send.codec),
    ...(wantsDtx(line, send) && { dtx: true as const }),
    direction: join(
      sends(wish) && receives(line.direction) && !held,
      receives(wish) && sends(line.direction),
    ),
  };
}

/** Each side sends with its own key (RFC 4568 §5.1.2). */
function secured(local: LocalAudio, theirs: CryptoAttribute | undefined): Pick<AudioSession, 'srtp'> {
  if (local.srtp === undefined || theirs === undefined) return {};
  const { suite, key } = theirs;
  return { srtp: { profile: suite, sendKey: local.srtp.keys[suite], receiveKey: key } };
}

function matched(
  send: EventFormat | undefined,
  receive: EventFormat | undefined,
): AudioSession['telephoneEvent'] {
  if (send === undefined || receive === undefined) return undefined;
  return { ...send, receivePayloadType: receive.payloadType };
}

function sends(direction: Direction): boolean {
  return direction === 'sendrecv' || direction === 'sendonly';
}

function receives(direction: Direction): boolean {
  return direction === 'sendrecv' || direction === 'recvonly';
}

function join(send: boolean, receive: boolean): Direction {
  if (send) return receive ? 'sendrecv' : 'sendonly';
  return receive ? 'recvonly' : 'inactive';
}

/** The audio line that a body of ours serves. */
function indexOfAudio(lines: readonly SdpMedia[]): number {
  const active = lines.findIndex(({ kind, port }) => kind === 'audio' && port !== 0);
  return active === -1 ? lines.findIndex(({ kind }) => kind === 'audio') : active;
}

function refusal({ kind, protocol, formats }: Pick<SdpMedia, 'kind' | 'protocol' | 'formats'>): OwnMedia {
  return { kind, port: 0, protocol, formats };
}

function own(local: LocalAudio, timing: SdpTiming, media: readonly OwnMedia[]): OwnSdp {
  return { sessionId: local.sessionId, version: local.version, address: local.address, timing, media };
}
