import { setImmediate as settled } from 'node:timers/promises';
import { createAudioDecoder } from '../../../src/media/audio-codec.ts';
import { Playout } from '../../../src/media/playout.ts';
import { newRtpHeader } from '../../../src/media/rtp.ts';
import { loadOpus } from '../../../src/media/worker/opus.ts';
import { type Impairment, PacketFates } from '../../kit/impairment.ts';

export interface DepthPoint {
  readonly seconds: number;
  /** How much later than the fastest the packet of this time came; undefined: it was lost. */
  readonly latenessMs: number | undefined;
  /** How long what is heard now has waited since the fastest packet would have brought it. */
  readonly depthMs: number;
}

export interface DepthCurve {
  readonly name: string;
  readonly points: readonly DepthPoint[];
}

interface Phase extends Impairment {
  readonly seconds: number;
}

const frameMs = 20;

/** What the gateway's playout does about networks that change, in a time of its own: the same curve on every machine. */
export async function depthCurves(packets: readonly Buffer[]): Promise<DepthCurve[]> {
  await loadOpus();
  const calm = { seconds: 10 };
  const wave = [
    calm,
    { seconds: 15, jitterMs: 40 },
    { seconds: 15, jitterMs: 120 },
    { ...calm, seconds: 20 },
  ];
  const stragglers = [{ seconds: 60, jitterMs: 10, reorderPercent: 1 }];
  const lossy = [calm, { seconds: 20, jitterMs: 40, lossPercent: 5 }, { ...calm, seconds: 30 }];
  return [
    {
      name: '10 s calm, 15 s of 40 ms jitter, 15 s of 120 ms, 20 s calm',
      points: await curve(packets, wave),
    },
    { name: '10 ms jitter, 1 % of the packets 25 ms later', points: await curve(packets, stragglers) },
    { name: '10 s calm, 20 s of 40 ms jitter with 5 % loss, 30 s calm', points: await curve(packets, lossy) },
  ];
}

async function curve(packets: readonly Buffer[], phases: readonly Phase[]): Promise<DepthPoint[]> {
  const late = phases.flatMap((phase) => {
    const fates = new PacketFates(phase);
    return Array.from({ length: (phase.seconds * 1000) / frameMs }, () => fates.next());
  });
  const arrivals = late.flatMap((copies, frame) =>
    copies.map((ms) => ({ frame, at: (frame + 1) * frameMs + ms })),
  );
  arrivals.sort((one, other) => one.at - other.at);
  const playout = new Playout(createAudioDecoder('opus', 8000));
  await settled();
  const out = new Int16Array(playout.frameLength);
  const points = late.map((copies, frame) => {
    const now = (frame + 1) * frameMs + 11;
    while (arrivals[0] !== undefined && arrivals[0].at <= now) {
      const { frame: number, at } = arrivals.shift() as (typeof arrivals)[number];
      const payload = packets[number % packets.length] as Buffer;
      const header = {
        ...newRtpHeader(),
        sequence: number,
        timestamp: number * 960,
        payloadEnd: payload.length,
      };
      playout.push(header, payload, at);
    }
    playout.read(now, out);
    return { seconds: (frame * frameMs) / 1000, latenessMs: copies[0], depthMs: playout.bufferMs };
  });
  playout.close();
  return points;
}
