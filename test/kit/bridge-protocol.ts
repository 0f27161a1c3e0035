import type { BridgeImpairment } from './bridge-relay.ts';
import type { Speech } from './bridge-rooms.ts';
import type { BridgePayloadTypes } from './bridge-sdp.ts';
import type { EndpointAnswer } from './media-bridge.ts';

/** What the test's process asks of the bridge's. */
export type BridgeRequest =
  | { verb: 'start'; address: string; payloadTypes: BridgePayloadTypes }
  | { verb: 'allocate'; key: number; room: string; nick: string }
  | { verb: 'accept'; key: number; answer: EndpointAnswer }
  | { verb: 'leg-sources'; key: number; ssrcs: readonly number[] }
  | { verb: 'close'; key: number }
  | { verb: 'sources'; room: string; nick: string; ssrcs: readonly number[] }
  | { verb: 'speak'; room: string; ssrc: number; speech: Speech | undefined }
  | { verb: 'impair'; impairment: BridgeImpairment }
  | { verb: 'heard'; room: string; nick: string }
  | { verb: 'clear'; room: string }
  | { verb: 'statistics'; room: string; nick: string }
  | { verb: 'trace' }
  | { verb: 'traced'; room: string; nick: string }
  | { verb: 'load' };

export type BridgeReply =
  | { id: number; value?: unknown; error?: string }
  | { event: 'connected' | 'spoken'; room: string; subject: string };
