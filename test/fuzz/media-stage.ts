import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createAudioEncoder } from '../../src/media/audio-codec.ts';
import type { MediaCall, MediaStatistics } from '../../src/media/media-engine.ts';
import type { MediaPool } from '../../src/media/pool.ts';
import { audioLevelUri } from '../kit/bridge-sdp.ts';
import { lightCertificate } from '../kit/light-certificate.ts';
import { LightLeg } from '../kit/light-leg.ts';
import { callWithPhone, unwrap } from '../kit/media-call.ts';
import type { RtpPhone } from '../kit/rtp-phone.ts';
import { tone } from '../kit/tone.ts';

/** Live datagrams that are kept of each kind. */
const mostSeeds = 60;
const phoneSeeds = 20;
const source = 1001;

/** A call that is up: a phone and a bridge talk through the engine, and what passes on the wire is kept for the forger. */
export interface LiveCall {
  readonly call: MediaCall;
  /** Where everybody is. */
  readonly address: string;
  readonly phone: RtpPhone;
  readonly bridge: LightLeg;
  readonly rtpPort: number;
  readonly rtcpPort: number;
  readonly icePort: number;
  /** The phone's leg is encrypted by the keys of SDP (RFC 4568). */
  readonly isSecure: boolean;
  /** STUN and DTLS of the set-up, and SRTP: of both directions of the bridge leg, and from a phone that has it. */
  readonly seeds: readonly Buffer[];
  /** The engine has ended it, or its bridge leg: why. */
  readonly ends: string[];
  close(): Promise<void>;
}

export async function liveCall(
  engine: MediaPool,
  name: string,
  address: string,
  isSecure: boolean,
): Promise<LiveCall> {
  const options = { address, speaksSrtp: isSecure };
  const { call, phone, rtpPort, rtcpPort } = await callWithPhone(engine, name, options);
  const ends: string[] = [];
  call.on('failed', ({ detail }) => ends.push(`failed: ${detail}`));
  call.on('bridge-down', ({ code }) => ends.push(`bridge-down: ${code}`));
  const { bridge, seeds, icePort } = await liveBridge(call, address);
  phone.say(tone(1000, 8000, 1, -15));
  await phone.recording.more(25);
  if (isSecure) await keepSome(phone, seeds);
  const close = async () => {
    phone.close();
    bridge.close();
    await call.close();
  };
  return { call, address, phone, bridge, rtpPort, rtcpPort, icePort, isSecure, seeds, ends, close };
}

/** What the phone sends now: each of it is a replay later. */
function keepSome(phone: RtpPhone, seeds: Buffer[]): Promise<void> {
  let kept = 0;
  return new Promise((resolve) => {
    phone.passed = (datagram) => {
      if (kept < phoneSeeds) seeds.push(Buffer.from(datagram));
      kept += 1;
      // One more has left by then, so those that are kept were taken.
      if (kept > phoneSeeds + 5) resolve();
    };
  });
}

async function liveBridge(call: MediaCall, address: string) {
  const { certificate, fingerprint } = await lightCertificate();
  const seeds: Buffer[] = [];
  let isUp = false;
  const credentials = { ufrag: randomBytes(6).toString('hex'), pwd: randomBytes(16).toString('hex') };
  const bridge = await LightLeg.open(address, {
    ...credentials,
    certificate,
    packets: await opusTone(),
    heard: () => {},
    passed: (datagram) => {
      // SRTP that came before the keys was refused, so that it would be no replay later.
      if (seeds.length < mostSeeds && (isUp || (datagram[0] as number) < 128))
        seeds.push(Buffer.from(datagram));
    },
  });
  const up = once(call, 'bridge-up');
  const candidate = { foundation: '1', priority: 1, address, port: bridge.port };
  const answer = unwrap(
    await call.connectBridge({
      transport: { ...credentials, candidates: [{ ...candidate, type: 'host' }] },
      fingerprint: { hash: 'sha-256', value: fingerprint, setup: 'actpass' },
      opusPayloadType: 111,
      telephoneEventPayloadType: 126,
      audioLevelId: 1,
      sources: [source],
    }),
  );
  bridge.accept({
    ...answer.transport,
    fingerprint: answer.fingerprint,
    opusPayloadType: 111,
    headerExtensions: new Map([[audioLevelUri, 1]]),
    ssrcs: [answer.ssrc],
  });
  bridge.setSources([source]);
  await up;
  isUp = true;
  return { bridge, seeds, icePort: answer.transport.candidates[0]?.port ?? 0 };
}

/** A second of a tone in packets of 20 ms. */
async function opusTone(): Promise<Buffer[]> {
  const encoder = createAudioEncoder('opus');
  await new Promise<void>((resolve) => {
    const wait = () =>
      encoder.encode(new Int16Array(960), Buffer.alloc(1500)) > 0 ? resolve() : setTimeout(wait, 5);
    wait();
  });
  const { samples } = tone(440, 48_000, 1, -20);
  const packets: Buffer[] = [];
  for (let at = 0; at + 960 <= samples.length; at += 960) {
    const out = Buffer.alloc(1500);
    packets.push(Buffer.from(out.subarray(0, encoder.encode(samples.subarray(at, at + 960), out))));
  }
  encoder.close();
  return packets;
}

/** What both legs refused so far, by reason. */
export function refused({ phone, bridge }: MediaStatistics): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { dropped } of [phone, bridge]) {
    for (const [reason, count] of Object.entries(dropped))
      counts.set(reason, (counts.get(reason) ?? 0) + count);
  }
  return counts;
}
