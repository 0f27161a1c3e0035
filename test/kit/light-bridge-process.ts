import { randomBytes } from 'node:crypto';
import { Application, createDecoder, createEncoder, loadLibopus } from 'libopus-wasm';
import type { HeardLeg, LightRequest } from './light-bridge-protocol.ts';
import { lightCertificate } from './light-certificate.ts';
import { LightLeg } from './light-leg.ts';
import type { BridgeTransport } from './media-bridge.ts';
import { processLoad } from './process-load.ts';

// The light bridge's own process: many legs, each playing the same Opus packets.

interface Leg {
  readonly room: string;
  readonly nick: string;
  readonly media: LightLeg;
  /** Opus payloads, while they are kept. */
  readonly payloads: Buffer[];
}

const frame = 960;
/** At most this many packets of a leg are kept: two minutes. */
const mostKept = 6000;
const legs = new Map<number, Leg>();
let packets: readonly Buffer[] = [];
let keeps = false;
const { certificate, fingerprint } = await lightCertificate();
await loadLibopus();

/** The sound as Opus at 32 kbit/s; encoded twice, so that the end leads into the beginning. */
async function encode(samples: Int16Array): Promise<Buffer[]> {
  const encoder = await createEncoder({
    sampleRate: 48_000,
    channels: 1,
    application: Application.Voip,
    bitrate: 32_000,
  });
  const made: Buffer[] = [];
  for (let round = 0; round < 2; round += 1) {
    made.length = 0;
    for (let at = 0; at + frame <= samples.length; at += frame) {
      made.push(Buffer.from(encoder.encode(samples.subarray(at, at + frame), { frameSize: frame })));
    }
  }
  encoder.free();
  return made;
}

async function allocate(key: number, room: string, nick: string, address: string): Promise<BridgeTransport> {
  const payloads: Buffer[] = [];
  const credentials = { ufrag: randomBytes(6).toString('hex'), pwd: randomBytes(16).toString('hex') };
  const media = await LightLeg.open(address, {
    ...credentials,
    certificate,
    packets,
    heard: (payload) => {
      if (keeps && payloads.length < mostKept) payloads.push(Buffer.from(payload));
    },
  });
  legs.set(key, { room, nick, media, payloads });
  return {
    ...credentials,
    fingerprint: { hash: 'sha-256', value: fingerprint },
    candidates: [{ ip: address, port: media.port, priority: 2130706431 }],
  };
}

/** Decodes what was kept and counts the frames in which there is no sound. */
async function hear(): Promise<HeardLeg[]> {
  const heard: HeardLeg[] = [];
  for (const { room, nick, media, payloads } of legs.values()) {
    const decoder = await createDecoder({ sampleRate: 8000, channels: 1 });
    // The first frames are the decoder's start, not the gateway's.
    const levels = payloads.map((payload) => level(decoder.decode(payload))).slice(5);
    decoder.free();
    payloads.length = 0;
    const silentFrames = levels.filter((dbfs) => dbfs < -30).length;
    heard.push({ room, nick, frames: levels.length, silentFrames, ...media.takeReception() });
  }
  return heard;
}

/** Of a frame, against a full-scale sine. */
function level(samples: Int16Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return 10 * Math.log10((2 * sum) / Math.max(1, samples.length) / 32767 ** 2 + 1e-12);
}

async function perform(request: LightRequest): Promise<unknown> {
  switch (request.verb) {
    case 'start':
      packets = await encode(request.samples);
      return packets.length;
    case 'allocate':
      return allocate(request.key, request.room, request.nick, request.address);
    case 'accept':
      return legs.get(request.key)?.media.accept(request.answer);
    case 'sources':
      return legs.get(request.key)?.media.setSources(request.ssrcs);
    case 'close':
      legs.get(request.key)?.media.close();
      return legs.delete(request.key);
    case 'keep':
      keeps = request.on;
      if (keeps) for (const { media } of legs.values()) media.takeReception();
      return undefined;
    case 'hear':
      return hear();
    case 'load':
      return processLoad();
  }
}

process.on('message', ({ id, request }: { id: number; request: LightRequest }) => {
  perform(request).then(
    (value) => process.send?.({ id, value }),
    (error: unknown) => process.send?.({ id, error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
process.send?.({ ready: true });
