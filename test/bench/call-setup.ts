import { setTimeout as delay } from 'node:timers/promises';
import { ulawDecode } from '../kit/g711.ts';
import type { Jitsi } from '../kit/jitsi.ts';
import type { Participant } from '../kit/participant.ts';
import type { RawCall } from '../kit/raw-call.ts';
import type { HeardPacket } from '../kit/rtp-recording.ts';
import type { TracedPacket } from '../kit/rtp-trace.ts';
import { tone } from '../kit/tone.ts';
import { wireNow, wireTime } from '../kit/wire-clock.ts';
import { type BenchGateway, gatewayDomain } from './stage.ts';

/** Milliseconds since the INVITE left the phone. */
export interface SetupTimes {
  /** First packet at the phone in which the room is heard. */
  readonly phoneHears: number;
  /** First packet at the bridge in which the phone is heard. */
  readonly roomHears: number;
  readonly steps: ReadonlyMap<string, number>;
}

export interface PlacedCall {
  readonly call: RawCall;
  /** Its occupant in the room. */
  readonly nick: string;
  readonly times: SetupTimes;
}

export interface SetupScene {
  readonly jitsi: Jitsi;
  readonly bench: BenchGateway;
  /** Is in the room and speaks. */
  readonly listener: Participant;
  readonly room: string;
}

const phoneVoice = tone(1000, 8000, 1, -15);
const patienceMs = 10_000;
/** RFC 6464 level below which a packet carries the tone; background and silence are above 64. */
const loudLevel = 60;
/** Sample from which on a G.711 packet carries the tone: −40 dBFS. */
const loudSample = 327;

export const isLoudOnWire = (packet: TracedPacket): boolean =>
  packet.level !== undefined && packet.level < loudLevel;

export const isLoudAtPhone = (packet: HeardPacket): boolean =>
  packet.payloadType === 0 && packet.payload.some((code) => Math.abs(ulawDecode(code)) > loudSample);

/** Places a call in which both sides speak from the beginning, and waits until both are heard. */
export async function placeCall(scene: SetupScene): Promise<PlacedCall> {
  const { jitsi, bench, listener, room } = scene;
  const steps = new Map<string, number>();
  const invitedAt = wireNow();
  const note = (step: string) => {
    if (!steps.has(step)) steps.set(step, wireNow() - invitedAt);
  };
  const stopNoting = noteSignalling(scene, note);
  const target = `sip:room@127.0.0.1:${bench.gateway.sipPort}`;
  const call = await bench.phone.call(target, { headers: [['Jitsi-Conference-Room', room]] });
  // A phone's clock knows nothing of the gateway's: every phase between them is as likely.
  setTimeout(() => call.audio.say(phoneVoice), Math.random() * 20);
  call.response(180).then(
    () => note('180 Ringing'),
    () => {},
  );
  const { nick } = await listener.waitFor(({ realJid }) => realJid.includes(gatewayDomain));
  await call.answered();
  note('200 OK');
  const phoneHeardAt = await firstAtPhone(call);
  const roomHeardAt = await firstAtBridge(jitsi, listener.room, nick);
  stopNoting();
  const times = { phoneHears: phoneHeardAt - invitedAt, roomHears: roomHeardAt - invitedAt, steps };
  return { call, nick, times };
}

function noteSignalling({ jitsi, listener }: SetupScene, note: (step: string) => void): () => void {
  const conference = jitsi.focus.conference(listener.room);
  const on = {
    requested: () => note('conference request'),
    joined: () => note('joined'),
    invited: () => note('session-initiate sent'),
    accepted: () => note('session-accept'),
    connected: () => note('bridge connected'),
  };
  jitsi.focus.on('requested', on.requested);
  conference.on('joined', on.joined);
  conference.on('invited', on.invited);
  conference.on('accepted', on.accepted);
  jitsi.bridge.on('connected', on.connected);
  return () => {
    jitsi.focus.off('requested', on.requested);
    conference.off('joined', on.joined);
    conference.off('invited', on.invited);
    conference.off('accepted', on.accepted);
    jitsi.bridge.off('connected', on.connected);
  };
}

async function firstAtPhone(call: RawCall): Promise<number> {
  const end = performance.now() + patienceMs;
  const { recording } = call.audio;
  for (let seen = 0; performance.now() < end; await delay(20)) {
    const found = recording.packets.slice(seen).find(isLoudAtPhone);
    if (found !== undefined) return wireTime(found.at);
    seen = recording.packets.length;
  }
  throw new Error(`the phone heard nothing within ${patienceMs} ms`);
}

async function firstAtBridge(jitsi: Jitsi, room: string, nick: string): Promise<number> {
  const end = performance.now() + patienceMs;
  for (; performance.now() < end; await delay(50)) {
    const trace = await jitsi.bridge.traced(room, nick);
    const found = trace.find((packet) => packet.towards === 'room' && isLoudOnWire(packet));
    if (found !== undefined) return found.at;
  }
  throw new Error(`the room heard nothing within ${patienceMs} ms`);
}
