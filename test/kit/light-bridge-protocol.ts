import type { LightReception } from './light-leg.ts';
import type { EndpointAnswer } from './media-bridge.ts';

/** What the light bridge's process is asked. */
export type LightRequest =
  | { verb: 'start'; samples: Int16Array }
  | { verb: 'allocate'; key: number; room: string; nick: string; address: string }
  | { verb: 'accept'; key: number; answer: EndpointAnswer }
  | { verb: 'sources'; key: number; ssrcs: readonly number[] }
  | { verb: 'close'; key: number }
  | { verb: 'keep'; on: boolean }
  | { verb: 'hear' }
  | { verb: 'load' };

/** What came from a gateway leg while it was kept. */
export interface HeardLeg extends LightReception {
  readonly room: string;
  readonly nick: string;
  /** Decoded frames of 20 ms, and those of them below −30 dBFS. */
  readonly frames: number;
  readonly silentFrames: number;
}
