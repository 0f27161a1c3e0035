import type { Sound } from './sound.ts';

const rate = 8000;

/** A packet that arrived. `at`: performance.now() in ms. */
export interface HeardPacket {
  readonly at: number;
  readonly payloadType: number;
  readonly marker: boolean;
  readonly sequence: number;
  readonly timestamp: number;
  readonly ssrc: number;
  readonly payload: Buffer;
  readonly port: number;
  readonly size: number;
}

/** A pause between two packets, ms of performance.now(). */
export interface ArrivalGap {
  readonly at: number;
  readonly ms: number;
}

/** RTP at 8 kHz as it arrived. */
export class RtpRecording {
  readonly packets: HeardPacket[] = [];
  /** Datagrams that are no RTP, e.g. RTCP on the same port. */
  others = 0;
  readonly #decoder: (payloadType: number) => ((code: number) => number) | undefined;
  #waiting: { count: number; resolve(): void }[] = [];

  constructor(decoder: (payloadType: number) => ((code: number) => number) | undefined) {
    this.#decoder = decoder;
  }

  add(data: Buffer, port: number, at: number): void {
    const packet = parse(data, port, at);
    if (packet === undefined) {
      this.others += 1;
      return;
    }
    this.packets.push(packet);
    const ready = this.#waiting.filter((waiter) => this.packets.length >= waiter.count);
    this.#waiting = this.#waiting.filter((waiter) => this.packets.length < waiter.count);
    for (const waiter of ready) waiter.resolve();
  }

  clear(): void {
    this.packets.length = 0;
  }

  /** Resolves when `count` more packets have come: 50 of 20 ms are a second of audio. */
  async more(count: number, timeoutMs = 15_000): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const have = this.packets.length;
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ count: have + count, resolve });
      const late = () =>
        reject(new Error(`${this.packets.length - have} of ${count} RTP packets in ${timeoutMs} ms`));
      timer = setTimeout(late, timeoutMs);
    }).finally(() => clearTimeout(timer));
  }

  /** Sound in order of the RTP timestamps of the latest SSRC: what did not come is silence, so that `gaps` finds it. */
  heard(): Sound {
    const audio = this.#audio();
    const first = Math.min(...audio.map((packet) => packet.offset));
    const length = audio.reduce(
      (end, { offset, payload }) => Math.max(end, offset - first + payload.length),
      0,
    );
    const samples = new Int16Array(audio.length === 0 ? 0 : length);
    for (const { offset, payload, decode } of audio) {
      for (let i = 0; i < payload.length; i += 1) samples[offset - first + i] = decode(payload[i] as number);
    }
    return { rate, samples };
  }

  /** When a place of `heard()` (in seconds) arrived, on the clock of performance.now(), in ms. */
  timeOf(seconds: number): number {
    const audio = this.#audio();
    const place = Math.min(...audio.map((packet) => packet.offset)) + seconds * rate;
    const packet = audio.find(({ offset, payload }) => offset <= place && place < offset + payload.length);
    if (packet === undefined) throw new Error(`no packet holds second ${seconds}`);
    return packet.at + ((place - packet.offset) * 1000) / rate;
  }

  /** Pauses of more than `overMs` between consecutive packets. */
  arrivalGaps(overMs: number): ArrivalGap[] {
    return this.packets.slice(1).flatMap((packet, i) => {
      const before = this.packets[i] as HeardPacket;
      return packet.at - before.at > overMs ? [{ at: before.at, ms: packet.at - before.at }] : [];
    });
  }

  /** By sequence numbers of the latest SSRC. */
  loss(): { expected: number; lost: number; duplicates: number; reordered: number } {
    const ssrc = this.packets.at(-1)?.ssrc;
    const numbers: number[] = [];
    for (const packet of this.packets) {
      if (packet.ssrc !== ssrc) continue;
      const last = numbers.at(-1) ?? packet.sequence;
      numbers.push(last + signed16(packet.sequence - (last & 0xffff)));
    }
    const different = new Set(numbers).size;
    const expected = numbers.length === 0 ? 0 : Math.max(...numbers) - Math.min(...numbers) + 1;
    const reordered = numbers.filter((number, i) => i > 0 && number < (numbers[i - 1] as number)).length;
    return { expected, lost: expected - different, duplicates: numbers.length - different, reordered };
  }

  /** Audio packets of the latest SSRC with unwrapped timestamps. */
  #audio() {
    const ssrc = this.packets.at(-1)?.ssrc;
    const own = this.packets.filter((packet) => packet.ssrc === ssrc);
    let last: number | undefined;
    return own.flatMap(({ timestamp, payloadType, payload, at }) => {
      const decode = this.#decoder(payloadType);
      if (decode === undefined) return [];
      last = last === undefined ? timestamp : last + ((timestamp - last) | 0);
      return [{ offset: last, payload, decode, at }];
    });
  }
}

const signed16 = (difference: number): number => ((difference & 0xffff) ^ 0x8000) - 0x8000;

function parse(data: Buffer, port: number, at: number): HeardPacket | undefined {
  if (data.length < 12 || (data[0] as number) >> 6 !== 2) return undefined;
  const second = data[1] as number;
  if (second >= 192 && second <= 223) return undefined; // RTCP (RFC 5761)
  const first = data[0] as number;
  let start = 12 + 4 * (first & 0x0f);
  if (first & 0x10) start += 4 + 4 * data.readUInt16BE(start + 2);
  const padding = first & 0x20 ? (data.at(-1) as number) : 0;
  return {
    at,
    payloadType: second & 0x7f,
    marker: (second & 0x80) !== 0,
    sequence: data.readUInt16BE(2),
    timestamp: data.readUInt32BE(4),
    ssrc: data.readUInt32BE(8),
    payload: Buffer.from(data.subarray(start, data.length - padding)),
    port,
    size: data.length,
  };
}
