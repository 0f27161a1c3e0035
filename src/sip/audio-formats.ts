import { isIP } from 'node:net';
import type { Codec } from '../config/config.ts';
import type { LocalAudio } from './audio-session.ts';
import type { OwnMedia, RtpMap, SdpMedia } from './sdp-text.ts';

/** A codec under the payload number that one side gave it. */
export interface AudioFormat {
  readonly codec: Codec;
  readonly payloadType: number;
}

export interface EventFormat {
  readonly payloadType: number;
  /** Hertz. */
  readonly clockRate: number;
}

interface CodecFacts {
  readonly encoding: string;
  /** RTP clock; 8000 for G.722 although it samples at 16000 (RFC 3551 §4.5.2). */
  readonly clockRate: number;
  readonly channels: number | undefined;
  /** Number in our own offers. */
  readonly payloadType: number;
  readonly parameters?: string;
}

const facts: Readonly<Record<Codec, CodecFacts>> = {
  PCMU: { encoding: 'PCMU', clockRate: 8000, channels: undefined, payloadType: 0 },
  PCMA: { encoding: 'PCMA', clockRate: 8000, channels: undefined, payloadType: 8 },
  G722: { encoding: 'G722', clockRate: 8000, channels: undefined, payloadType: 9 },
  // RFC 7587 §7: always 48000/2, whatever is sent.
  opus: {
    encoding: 'opus',
    clockRate: 48_000,
    channels: 2,
    payloadType: 111,
    parameters: 'minptime=10;useinbandfec=1',
  },
};

const codecNames = Object.keys(facts) as Codec[];
/** RFC 3551 §6: these numbers need no rtpmap. */
const staticFormats = new Map<number, Codec>([
  [0, 'PCMU'],
  [8, 'PCMA'],
  [9, 'G722'],
]);
/** Comfort noise (RFC 3551 §6). */
const staticNoise = 13;
const offeredEvents = new Map([
  [8000, 101],
  [48_000, 100],
]);
const eventNames = '0-16';

/** Our offered formats, with one telephone-event for each clock in use (RFC 4733 §2.1: it shares the audio's clock). */
export function describeOffer(codecs: readonly Codec[]): Formats {
  const clocks = new Set(codecs.map((codec) => facts[codec].clockRate));
  return describe(
    codecs.map((codec) => ({ codec, payloadType: facts[codec].payloadType })),
    [...offeredEvents].flatMap(([clockRate, payloadType]) =>
      clocks.has(clockRate) ? [{ clockRate, payloadType }] : [],
    ),
  );
}

/** Our answered formats, under the numbers of the offer. `noise`: of comfort noise. */
export function describeAnswer(
  format: AudioFormat,
  event: EventFormat | undefined,
  noise: number | undefined,
): Formats {
  const described = describe([format], event === undefined ? [] : [event]);
  if (noise === undefined) return described;
  return {
    ...described,
    formats: [...described.formats, String(noise)],
    rtpMaps: [
      ...described.rtpMaps,
      { payloadType: noise, encoding: 'CN', clockRate: 8000, channels: undefined },
    ],
  };
}

type Formats = Required<Pick<OwnMedia, 'formats' | 'rtpMaps' | 'formatParameters'>>;

function describe(audio: readonly AudioFormat[], events: readonly EventFormat[]): Formats {
  return {
    formats: [...audio, ...events].map(({ payloadType }) => String(payloadType)),
    rtpMaps: [
      ...audio.map(({ codec, payloadType }) => {
        const { encoding, clockRate, channels } = facts[codec];
        return { payloadType, encoding, clockRate, channels };
      }),
      ...events.map(({ payloadType, clockRate }) => ({
        payloadType,
        encoding: 'telephone-event',
        clockRate,
        channels: undefined,
      })),
    ],
    formatParameters: [
      ...audio.flatMap(({ codec, payloadType }) => {
        const text = facts[codec].parameters;
        return text === undefined ? [] : [{ payloadType, text }];
      }),
      ...events.map(({ payloadType }) => ({ payloadType, text: eventNames })),
    ],
  };
}

/** The audio formats of a media line that we know, in its order. `inherited` maps numbers that an answer left unmapped. */
export function audioFormats(media: SdpMedia, inherited: readonly RtpMap[] = []): AudioFormat[] {
  return payloadTypes(media).flatMap((payloadType) => {
    const map = mapOf(payloadType, media, inherited);
    const codec = map === undefined ? staticFormats.get(payloadType) : codecOf(map);
    return codec === undefined ? [] : [{ codec, payloadType }];
  });
}

/** Every telephone-event of a media line, in its order. */
export function eventFormats(media: SdpMedia, inherited: readonly RtpMap[] = []): EventFormat[] {
  return payloadTypes(media).flatMap((payloadType) => {
    const map = mapOf(payloadType, media, inherited);
    return map?.encoding.toLowerCase() === 'telephone-event'
      ? [{ payloadType, clockRate: map.clockRate }]
      : [];
  });
}

/** The number of comfort noise that goes with a codec of 8 kHz (RFC 3389 §4); undefined: the line has none. */
export function noiseFor(codec: Codec, media: SdpMedia): number | undefined {
  if (codec !== 'PCMU' && codec !== 'PCMA') return undefined;
  return payloadTypes(media).find((payloadType) => {
    const map = mapOf(payloadType, media, []);
    if (map === undefined) return payloadType === staticNoise;
    return map.encoding.toUpperCase() === 'CN' && map.clockRate === 8000;
  });
}

/** The peer prefers that Opus is not sent while there is silence (RFC 7587 §6.1). */
export function wantsDtx(media: SdpMedia, { codec, payloadType }: AudioFormat): boolean {
  if (codec !== 'opus') return false;
  const own = media.formatParameters.filter((parameters) => parameters.payloadType === payloadType);
  return own.some(({ text }) => text.split(';').some((part) => /^\s*usedtx\s*=\s*1\s*$/i.test(part)));
}

/** The event format for a codec: the one with its clock, else the first, as phones with opus offer only 8000. */
export function eventFor(codec: Codec, events: readonly EventFormat[]): EventFormat | undefined {
  return events.find(({ clockRate }) => clockRate === facts[codec].clockRate) ?? events[0];
}

/** Milliseconds in a packet: what the peer asks for, brought to what the codec and we can do. */
export function packetTime(media: SdpMedia, codec: Codec): number {
  const wanted = Math.min(media.ptimeMs ?? 20, media.maxPtimeMs ?? 60);
  const possible = codec === 'opus' ? [60, 40, 20] : [60, 40, 30, 20];
  return possible.find((ptime) => ptime <= wanted) ?? 10;
}

/** Why this line cannot carry our audio; undefined: it can. `family` is 4 or 6. */
export function obstacle(media: SdpMedia, family: number, srtp: LocalAudio['srtp']): string | undefined {
  if (media.kind !== 'audio') return `${media.kind} is not audio`;
  if (media.port === 0) return 'the port is 0';
  const why = securityObstacle(media, srtp);
  if (why !== undefined) return why;
  if (media.address === undefined) return 'it has no address';
  if (isNowhere(media.address)) return undefined;
  if (isIP(media.address) === 0) return 'its address is not an IP address';
  if (isIP(media.address) !== family) return `its address is not IPv${family}`;
  if (isGroup(media.address)) return 'its address is not of one host';
  return undefined;
}

/** Keys may stand beside RTP/AVP too: many peers offer SRTP so that others may ignore it. */
function securityObstacle({ protocol, crypto }: SdpMedia, srtp: LocalAudio['srtp']): string | undefined {
  const isSecure = /^RTP\/SAVPF?$/i.test(protocol);
  if (!isSecure && !/^RTP\/AVPF?$/i.test(protocol)) return `${protocol} is not RTP/AVP or RTP/SAVP`;
  if (isSecure && srtp === undefined) return `${protocol} is switched off here (JIGASI_SIP_SRTP)`;
  if (isSecure && crypto.length === 0) return 'none of its crypto lines can be used';
  if (srtp?.policy === 'required' && crypto.length === 0) return 'it has no SRTP, which is required here';
  return undefined;
}

/** Hold as in RFC 2543 §B.5, still sent by old phones. */
export function isNowhere(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

function isGroup(address: string): boolean {
  return /^(?:22[4-9]|23\d|255)\./.test(address) || /^ff/i.test(address);
}

function payloadTypes(media: SdpMedia): number[] {
  return media.formats.filter((format) => /^\d{1,3}$/.test(format) && Number(format) <= 127).map(Number);
}

function mapOf(payloadType: number, media: SdpMedia, inherited: readonly RtpMap[]): RtpMap | undefined {
  const own = media.rtpMaps.find((map) => map.payloadType === payloadType);
  if (own !== undefined || staticFormats.has(payloadType)) return own;
  return inherited.find((map) => map.payloadType === payloadType);
}

function codecOf(map: RtpMap): Codec | undefined {
  // Some phones write the sampling rate of G.722 instead of its RTP clock.
  if (map.payloadType === 9 && /^g722$/i.test(map.encoding)) return 'G722';
  return codecNames.find((codec) => {
    const { encoding, clockRate, channels } = facts[codec];
    return (
      encoding.toLowerCase() === map.encoding.toLowerCase() &&
      clockRate === map.clockRate &&
      (map.channels === undefined || map.channels === (channels ?? 1))
    );
  });
}
