import { setTimeout as delay } from 'node:timers/promises';
import { level } from '../test/kit/analysis.ts';
import { ulawDecode } from '../test/kit/g711.ts';
import type { Seen } from '../test/kit/participant.ts';
import type { RawCall } from '../test/kit/raw-call.ts';
import type { HeardPacket } from '../test/kit/rtp-recording.ts';
import { join, type Sound } from '../test/kit/sound.ts';
import { tone } from '../test/kit/tone.ts';
import { dial, nextPhone } from './demo-calls.ts';
import { accounts, type Stage } from './demo-stage.ts';
import type { Story } from './demo-story.ts';

/**
 * Delays on the wire, in milliseconds: from the first packet of a tone burst that goes into the gateway to the first packet
 * with it that comes out, the median of `bursts`. The buffers of the ears (libwebrtc's, a telephone's) are not in it.
 */
export interface Delays {
  readonly phoneToRoomMs: number;
  readonly roomToPhoneMs: number;
  readonly bursts: number;
  /** From dialling to the first audio of the room at the phone and of the phone in the room, whichever is later. */
  readonly audioMs: number;
}

const count = 8;
const burstSeconds = 0.2;
const restSeconds = 0.3;
/** Between bursts there is a quiet tone, so that packets flow as they do with anybody who speaks. */
const quietDbfs = -55;
const loudDbfs = -12;
const hz = 1000;

/** The measuring telephone calls the gateway's own number, which leads to its default room. */
export async function delayOfDialIn(stage: Stage, story: Story): Promise<Delays> {
  const { guest, pbx } = stage;
  story.tell(
    'a second telephone, which times its packets, calls the gateway (default room) to measure the delay',
  );
  speakInBursts(stage);
  const newcomer = nextPhone(stage.alice);
  const began = Date.now();
  const call = await guest.call(`sip:${accounts.gateway.user}@${pbx.host}:${pbx.port}`);
  await call.answered();
  return measure(stage, story, call, { began, newcomer });
}

/** Alice calls the measuring telephone. */
export async function delayOfDialOut(stage: Stage, story: Story): Promise<Delays> {
  const { alice, guest } = stage;
  story.tell('Alice invites the telephone that times its packets');
  speakInBursts(stage);
  const newcomer = nextPhone(stage.alice);
  const began = Date.now();
  await dial(alice, accounts.guest.user);
  const call = await guest.incoming();
  call.ring();
  call.answer();
  return measure(stage, story, call, { began, newcomer });
}

function speakInBursts({ alice }: Stage): void {
  alice.keepSpeaking(join(quiet(48_000, restSeconds), burst(48_000)));
}

interface Dialled {
  /** Milliseconds since 1970. */
  readonly began: number;
  newcomer(): Promise<Seen>;
}

async function measure(
  { alice }: Stage,
  story: Story,
  call: RawCall,
  { began, newcomer }: Dialled,
): Promise<Delays> {
  call.audio.say(quiet(8000, 1));
  const toWallClock = Date.now() - performance.now();
  const sent: number[] = [];
  for (let i = 0; i < count; i += 1) {
    sent.push((await call.audio.mark(burst(8000))) + toWallClock);
    await delay((burstSeconds + restSeconds) * 1000);
  }
  const { nick } = await newcomer();
  const statistics = await alice.statistics(nick);
  const left = alice.waitForLeave(nick);
  await call.hangup();
  await left;
  alice.silent();
  const toGateway = statistics?.toGateway.get(alice.ssrc)?.onsets ?? [];
  const intoRoom = [...(statistics?.fromGateway.values() ?? [])].flatMap(({ onsets }) => onsets);
  const { packets } = call.audio.recording;
  const atPhone = onsetsAt(packets).map((at) => at + toWallClock);
  const first = packets.find((packet) => packetLevel(packet) > quietDbfs - 10);
  if (first === undefined) throw new Error('no audio of the room reached the measuring telephone');
  if (intoRoom[0] === undefined) throw new Error('no audio of the measuring telephone reached the room');
  const [inbound, outbound] = [differences(sent, intoRoom), differences(toGateway, atPhone)];
  const delays = {
    phoneToRoomMs: median(inbound),
    roomToPhoneMs: median(outbound),
    bursts: Math.min(inbound.length, outbound.length),
    audioMs: Math.max(first.at + toWallClock, intoRoom[0]) - began,
  };
  story.tell(
    `delay on the wire: phone → room ${Math.round(delays.phoneToRoomMs)} ms, room → phone ${Math.round(delays.roomToPhoneMs)} ms`,
  );
  return delays;
}

/** The times at which loud packets began to arrive. */
function onsetsAt(packets: readonly HeardPacket[]): number[] {
  return packets
    .filter((packet, i) => {
      const before = packets[i - 1];
      return packetLevel(packet) > -35 && (before === undefined || packetLevel(before) <= -35);
    })
    .map(({ at }) => at);
}

function packetLevel({ payload }: HeardPacket): number {
  return level({ rate: 8000, samples: Int16Array.from(payload, ulawDecode) });
}

/** For each event the time to the next of the others; events that have none within 300 ms are left out. */
function differences(from: readonly number[], to: readonly number[]): number[] {
  return from.flatMap((start) => {
    const end = to.find((time) => time >= start - 1);
    return end !== undefined && end - start < 300 ? [end - start] : [];
  });
}

function median(values: readonly number[]): number {
  if (values.length < count / 2) throw new Error('too few tone bursts arrived to tell the delay');
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

const burst = (rate: number): Sound => tone(hz, rate, burstSeconds, loudDbfs);
const quiet = (rate: number, seconds: number): Sound => tone(hz, rate, seconds, quietDbfs);
