import type { Codec } from '../config/config.ts';
import type { SrtpKeys, SrtpSuite } from './crypto-attribute.ts';

/** The audio part of an SDP body (RFC 4566), reduced to what a gateway acts on. */
export interface AudioSession {
  /**
   * Where the peer receives. The address is `0.0.0.0` or `::` when a peer holds in the old way (RFC 2543) and we know no
   * earlier one; then nothing is sent, RTCP neither: `direction` says so for RTP.
   */
  readonly remote: { readonly address: string; readonly port: number; readonly rtcpPort: number };
  /** It holds in that way: it does not listen, whatever `direction` says about us. */
  readonly isNowhere?: true;
  readonly codec: Codec;
  readonly sendPayloadType: number;
  readonly receivePayloadType: number;
  /** Other codecs that the peer may change to by itself (RFC 3264 §6.1), under the numbers in what we receive. */
  readonly alternatives?: readonly { readonly codec: Codec; readonly payloadType: number }[];
  /** RFC 4733: the number in what we send, and the one in what we receive (they differ when the answer chose another). */
  readonly telephoneEvent:
    | { readonly payloadType: number; readonly receivePayloadType: number; readonly clockRate: number }
    | undefined;
  /** Milliseconds of audio in a packet that we send: 10, 20, 30, 40 or 60 (never 30 with opus). */
  readonly ptimeMs: number;
  /** The peer asked for discontinuous transmission of Opus (`usedtx=1`, RFC 7587 §6.1). */
  readonly dtx?: true;
  /** Payload number of comfort noise (RFC 3389), when both sides take it in place of silence. */
  readonly comfortNoise?: number;
  /** SRTP and its keys (RFC 4568); undefined: plain RTP. Never to be logged. */
  readonly srtp?: {
    readonly profile: SrtpSuite;
    readonly sendKey: string;
    readonly receiveKey: string;
  };
  /** Our direction after the exchange (RFC 3264 §6.1). */
  readonly direction: 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';
}

/** Where and how we want to receive. */
export interface LocalAudio {
  readonly address: string;
  readonly rtpPort: number;
  /** In order of preference. It counts in our offers; in answers the offerer's order does, unless `codecOrder` is `ours`. */
  readonly codecs: readonly Codec[];
  readonly codecOrder?: 'theirs' | 'ours';
  /** Whether we want SRTP, and our keys for it; undefined: off. */
  readonly srtp?: { readonly policy: 'optional' | 'required'; readonly keys: SrtpKeys } | undefined;
  /** What we want: `sendonly` puts the peer on hold. Default `sendrecv`. */
  readonly direction?: AudioSession['direction'];
  /** `sess-id` of the `o=` line, constant over a call, and `sess-version`, one more for each new body (RFC 3264 §8). */
  readonly sessionId: number;
  readonly version: number;
}
