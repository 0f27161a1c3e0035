import { soundOfCall, soundPoor, soundRecovered } from '../events.ts';
import type { Log } from '../log.ts';
import type { LegStatistics, MediaCall, MediaStatistics } from '../media/media-engine.ts';

/** How often the worker is asked; it answers between two ticks. */
const readEveryMs = 5000;
/** More than this part of the packets lost is heard, whatever repairs it. */
const poorLoss = 0.05;
/** So many readings in a row make it worth a line in the log. */
const poorReadings = 2;

type Leg = 'phone' | 'room';

interface Line {
  /** Packets at the last reading. */
  received: number;
  lost: number;
  poor: number;
}

/**
 * Reads how a call sounds every five seconds: says in the log which leg loses packets while it does, and at the end of the call what
 * became of its audio.
 */
export class SoundWatch {
  readonly #media: Pick<MediaCall, 'statistics'>;
  readonly #log: Log;
  readonly #lines: Readonly<Record<Leg, Line>> = { phone: newLine(), room: newLine() };
  readonly #timer: NodeJS.Timeout;

  constructor(media: Pick<MediaCall, 'statistics'>, log: Log) {
    this.#media = media;
    this.#log = log;
    this.#timer = setInterval(() => void this.#read(), readEveryMs).unref();
  }

  /** The last reading; ask for it before the media is closed. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    const { phone, bridge, sources } = await this.#media.statistics();
    if (phone.packetsReceived + phone.packetsSent + bridge.packetsReceived + bridge.packetsSent === 0) return;
    soundOfCall(this.#log, { phone: rounded(phone), bridge: rounded(bridge), sources: sources.length });
  }

  async #read(): Promise<void> {
    const statistics: MediaStatistics = await this.#media.statistics();
    this.#judge('phone', statistics.phone);
    this.#judge('room', statistics.bridge);
  }

  #judge(leg: Leg, now: LegStatistics): void {
    const line = this.#lines[leg];
    const lost = now.packetsLost - line.lost;
    const all = now.packetsReceived - line.received + lost;
    line.lost = now.packetsLost;
    line.received = now.packetsReceived;
    const loss = all > 0 ? Math.max(lost, 0) / all : 0;
    if (loss <= poorLoss) {
      if (line.poor >= poorReadings) soundRecovered(this.#log, leg);
      line.poor = 0;
      return;
    }
    line.poor += 1;
    if (line.poor !== poorReadings) return;
    soundPoor(this.#log, { leg, lossPercent: Math.round(loss * 100), jitterMs: now.jitterMs, mos: now.mos });
  }
}

function rounded(leg: LegStatistics): object {
  const round = (value: unknown) => (typeof value === 'number' ? Math.round(value * 100) / 100 : value);
  return Object.fromEntries(Object.entries(leg).map(([name, value]) => [name, round(value)]));
}

function newLine(): Line {
  return { received: 0, lost: 0, poor: 0 };
}
