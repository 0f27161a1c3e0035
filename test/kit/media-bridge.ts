import { randomBytes, randomInt } from 'node:crypto';

/** What the focus needs of a videobridge; in a Jitsi installation this is Colibri. */
export interface MediaBridge {
  /** A new media end for the occupant `room/nick`. It offers: full ICE, controlling, DTLS actpass. */
  allocate(room: string, nick: string, realJid: string): Promise<BridgeEndpoint>;
}

export interface BridgeEndpoint {
  readonly transport: BridgeTransport;
  /** The session-accept's media description. Candidates are withheld, so that the bridge cannot send the first check. */
  accept(answer: EndpointAnswer): void;
  /** The endpoint's SSRCs changed (source-add, source-remove). */
  sources(ssrcs: readonly number[]): void;
  /** The session is over: no more media. */
  close(): void;
}

export interface BridgeTransport {
  readonly ufrag: string;
  readonly pwd: string;
  readonly fingerprint: { readonly hash: string; readonly value: string };
  readonly candidates: readonly { readonly ip: string; readonly port: number; readonly priority: number }[];
}

export interface EndpointAnswer {
  readonly ufrag: string;
  readonly pwd: string;
  readonly fingerprint: { readonly hash: string; readonly value: string; readonly setup: string };
  readonly opusPayloadType: number;
  /** RTP header extensions that the answerer kept: URI → id. */
  readonly headerExtensions: ReadonlyMap<string, number>;
  readonly ssrcs: readonly number[];
}

/** A bridge without media, for tests of the signalling alone. Its address is one that nothing listens on. */
export function paperBridge(): MediaBridge {
  return { allocate: async () => paperEndpoint() };
}

export function paperEndpoint(): BridgeEndpoint {
  const transport: BridgeTransport = {
    ufrag: iceText(14),
    pwd: iceText(26),
    fingerprint: {
      hash: 'sha-256',
      value: randomBytes(32).toString('hex').toUpperCase().match(/../g)?.join(':') ?? '',
    },
    candidates: [{ ip: '127.0.0.1', port: 9, priority: 2130706431 }],
  };
  return { transport, accept: () => {}, sources: () => {}, close: () => {} };
}

function iceText(length: number): string {
  return Array.from({ length }, () => randomInt(36).toString(36)).join('');
}
