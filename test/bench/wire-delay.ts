import { setTimeout as delay } from 'node:timers/promises';
import type { RtpRecording } from '../kit/rtp-recording.ts';
import type { TracedPacket } from '../kit/rtp-trace.ts';
import { join, type Sound, silence } from '../kit/sound.ts';
import { amplitude, tone } from '../kit/tone.ts';
import { wireTime } from '../kit/wire-clock.ts';
import { isLoudAtPhone, isLoudOnWire, type PlacedCall, type SetupScene } from './call-setup.ts';

/** Milliseconds from a burst's first packet on one side to its first packet on the other. */
export interface WireDelays {
  readonly phoneToRoom: readonly number[];
  readonly roomToPhone: readonly number[];
  /** Bursts that were never found on the other side. */
  readonly lost: number;
}

/** What the participant sends between bursts: a microphone's noise, or nothing but zeros. */
export type Background = 'noise' | 'silence';

const burstSeconds = 0.1;
const longestMs = 200;
/** A burst is new when the packets of so long before it were not loud. */
const quietMs = 60;

/** Bursts both ways at once, at phases as random as the calls' beginnings. */
export async function measureDelays(
  { jitsi, listener }: SetupScene,
  { call, nick }: PlacedCall,
  bursts: number,
  background: Background,
): Promise<WireDelays> {
  const { audio } = call;
  audio.say(undefined);
  listener.keepSpeaking(burstsOver(background, bursts));
  await delay(400);
  await jitsi.bridge.traced(listener.room, nick);
  audio.recording.clear();
  const marks: number[] = [];
  for (let burst = 0; burst < bursts; burst += 1) {
    marks.push(wireTime(await audio.mark(tone(1000, 8000, burstSeconds, -12))));
    await delay(300 + Math.random() * 100);
  }
  const trace = await jitsi.bridge.traced(listener.room, nick);
  const atRoom = onsets(trace.filter(({ towards }) => towards === 'room').map(wireSound), true);
  const leaving = onsets(trace.filter(({ towards }) => towards === 'gateway').map(wireSound));
  const atPhone = onsets(phoneSounds(audio.recording));
  // The first and the last may have begun, or may end, outside of what was recorded.
  const sent = leaving.filter((at) => at < (marks.at(-1) ?? 0));
  const toRoom = marks.map((at) => after(at, atRoom));
  const toPhone = sent.map((at) => after(at, atPhone));
  const found = (list: readonly (number | undefined)[]) => list.filter((ms) => ms !== undefined);
  const [phoneToRoom, roomToPhone] = [found(toRoom), found(toPhone)];
  return {
    phoneToRoom,
    roomToPhone,
    lost: marks.length + sent.length - phoneToRoom.length - roomToPhone.length,
  };
}

interface TimedSound {
  readonly at: number;
  readonly loud: boolean;
}

const wireSound = (packet: TracedPacket): TimedSound => ({ at: packet.at, loud: isLoudOnWire(packet) });

function phoneSounds({ packets }: RtpRecording): TimedSound[] {
  return packets.map((packet) => ({ at: wireTime(packet.at), loud: isLoudAtPhone(packet) }));
}

/** Times at which it became loud. Unless it was `quietBefore`, the recording may begin in the middle of a burst. */
function onsets(sounds: readonly TimedSound[], quietBefore = false): number[] {
  const found: number[] = [];
  let loudAt = quietBefore ? Number.NEGATIVE_INFINITY : (sounds[0]?.at ?? 0);
  for (const { at, loud } of sounds) {
    if (!loud) continue;
    if (at - loudAt > quietMs) found.push(at);
    loudAt = at;
  }
  return found;
}

function after(at: number, times: readonly number[]): number | undefined {
  const found = times.find((time) => time >= at);
  return found === undefined || found - at > longestMs ? undefined : found - at;
}

/**
 * Bursts at 48 kHz at irregular distances. They begin with a frame of 10 ms: of one that begins in the last milliseconds of a packet
 * Opus plays the beginning only in the next packet, and that delay is the codec's.
 */
function burstsOver(background: Background, count: number): Sound {
  const between = () => {
    const quiet = silence(48_000, 0.3 + Math.floor(Math.random() * 10) / 100);
    return background === 'noise' ? hiss(quiet) : quiet;
  };
  const pieces = Array.from({ length: count }, () => join(between(), tone(440, 48_000, burstSeconds, -12)));
  return join(between(), ...pieces);
}

/** A quiet room: −70 dBFS. */
function hiss({ rate, samples }: Sound): Sound {
  const peak = amplitude(-70) * 2;
  return { rate, samples: samples.map(() => Math.round((Math.random() - 0.5) * peak)) };
}
