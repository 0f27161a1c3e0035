import type { Impairment } from '../../kit/impairment.ts';

/** What the phone speaks. */
export type AudioCodec = 'PCMU' | 'G722' | 'opus';
export const audioCodecs: readonly AudioCodec[] = ['PCMU', 'G722', 'opus'];
export type Direction = 'room to phone' | 'phone to room';
export type Band = 'nb' | 'wb';

export const codecFormats: Readonly<
  Record<
    AudioCodec,
    {
      readonly rate: 8000 | 16000 | 48000;
      readonly payloadType: number;
      readonly clockRate: number;
      readonly rtpmap: string;
    }
  >
> = {
  PCMU: { rate: 8000, payloadType: 0, clockRate: 8000, rtpmap: 'PCMU/8000' },
  G722: { rate: 16000, payloadType: 9, clockRate: 8000, rtpmap: 'G722/8000' },
  opus: { rate: 48000, payloadType: 96, clockRate: 48000, rtpmap: 'opus/48000/2' },
};

/** What the network between both ends and the gateway does to what the gateway receives. */
export interface Condition {
  readonly name: 'clean' | 'random' | 'burst';
  readonly label: string;
  /** How much worse than the reference it may sound, MOS-LQO. */
  readonly goal: number;
  readonly impairment: Impairment;
}

const network = { jitterMs: 40, duplicatePercent: 1, reorderPercent: 1 };

export const conditions: readonly Condition[] = [
  { name: 'clean', label: 'clean', goal: 0.1, impairment: {} },
  {
    name: 'random',
    label: '5 % random loss, 40 ms jitter',
    goal: 0.15,
    impairment: { ...network, lossPercent: 5 },
  },
  {
    name: 'burst',
    label: '5 % bursty loss, 40 ms jitter',
    goal: 0.15,
    impairment: { ...network, lossPercent: 5, lossBurst: 2.5 },
  },
];
