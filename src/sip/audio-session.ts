import type { Codec } from '../config/config.ts';

/** The audio part of an SDP body (RFC 4566), reduced to what a gateway acts on. */
export interface AudioSession {
  readonly remote: { readonly address: string; readonly port: number; readonly rtcpPort: number };
  readonly codec: Codec;
  readonly sendPayloadType: number;
  readonly receivePayloadType: number;
  readonly telephoneEvent: { readonly payloadType: number; readonly clockRate: number } | undefined;
  readonly ptimeMs: number;
  /** Our direction after the exchange (RFC 3264 §6.1). */
  readonly direction: 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';
}

/** Where and how we want to receive. */
export interface LocalAudio {
  readonly address: string;
  readonly rtpPort: number;
  readonly codecs: readonly Codec[];
  /** `sess-id` of the `o=` line, constant over a call, and `sess-version`, one more for each new body (RFC 3264 §8). */
  readonly sessionId: number;
  readonly version: number;
}
