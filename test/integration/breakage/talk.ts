import assert from 'node:assert/strict';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { gaps, levelAt } from '../../kit/analysis.ts';
import type { Constellation } from '../../kit/constellation.ts';
import type { GatewayProcess, GatewayProcessOptions } from '../../kit/gateway-process.ts';
import type { Jitsi, Room } from '../../kit/jitsi.ts';
import type { Participant } from '../../kit/participant.ts';
import type { RawCall } from '../../kit/raw-call.ts';
import type { RawPhone } from '../../kit/raw-phone.ts';
import { cut, type Sound } from '../../kit/sound.ts';
import { tone } from '../../kit/tone.ts';

/** What a talk needs; a `Constellation` fits. */
export interface Stage {
  readonly jitsi: Jitsi;
  readonly gateway: GatewayProcess;
  readonly phone: RawPhone;
}

/** Ends everything; an exception that the gateway caught, wherever, fails the test. */
export async function finish(stage: Constellation): Promise<void> {
  await stage.stop();
  assert.doesNotMatch(stage.gateway.text, /"err":|"event":"(bug|call-bug)"/);
}

/** The phone calls a room; whether it gets there is the test's business. */
export function dial({ phone, gateway }: Stage, room: string): Promise<RawCall> {
  const headers = [['Jitsi-Conference-Room', room]] as const;
  return phone.call(`sip:room@${gateway.host}:${gateway.sipPort}`, { headers });
}

/** Alice sits in the room and speaks; the phone calls in and speaks; resolves when both are heard. */
export async function startTalk(stage: Stage, name: string): Promise<Talk> {
  const room = stage.jitsi.room(name);
  const alice = await speaker(room);
  const call = await dial(stage, name);
  await call.answered();
  call.audio.say(phoneTone);
  const talk = new Talk(room, alice, call);
  await talk.bothWays();
  // What is judged later begins here: how a call starts is another matter.
  call.audio.recording.clear();
  eventLoop.reset();
  await stage.jitsi.bridge.clear(room.jid);
  return talk;
}

/** How a gateway is started whose PBX is a phone of the kit: a trunk without registration. */
export function trunk(xmpp: GatewayProcessOptions['xmpp'], phone: RawPhone): GatewayProcessOptions {
  const pbx = { domain: 'pbx.test', server: '127.0.0.1', port: phone.port, register: false };
  return { xmpp, account: { ...pbx, user: 'gateway', password: 'secret' } };
}

const eventLoop = monitorEventLoopDelay({ resolution: 10 });
eventLoop.enable();

const aliceHz = 440;
const phoneHz = 1000;
const phoneTone = tone(phoneHz, 8000, 1, -15);

/** Somebody in the room who speaks without end. */
export async function speaker(room: Room): Promise<Participant> {
  const alice = await room.join('Alice');
  alice.keepSpeaking(tone(aliceHz, 48_000, 1, -15));
  return alice;
}

/** Alice and a phone who speak with each other, 440 Hz against 1000 Hz. */
export class Talk {
  readonly room: Room;
  readonly call: RawCall;
  alice: Participant;
  /** The media outlives what Alice sees. */
  #lastNick = '';

  constructor(room: Room, alice: Participant, call: RawCall) {
    this.room = room;
    this.alice = alice;
    this.call = call;
  }

  /** Nick of the gateway's occupant, as Alice sees it now. */
  get nick(): string {
    const phones = [...this.alice.others.values()].filter(isPhone);
    assert.equal(phones.length, 1, `one phone in the room: ${phones.map(({ nick }) => nick)}`);
    this.#lastNick = phones[0]?.nick ?? '';
    return this.#lastNick;
  }

  /** Resolves when each has heard the other's tone for a fifth of a second, from now on. */
  async bothWays(timeoutMs = 15_000): Promise<void> {
    await Promise.all([this.phoneHears(timeoutMs), this.roomHears(timeoutMs)]);
  }

  async phoneHears(timeoutMs = 15_000): Promise<void> {
    const { recording } = this.call.audio;
    const end = performance.now() + timeoutMs;
    for (let level = -120; level < -25; ) {
      if (performance.now() > end) throw new Error(`the phone does not hear the room: ${level} dB`);
      await recording.more(10);
      level = levelAt(cut(recording.heard(), -0.2), aliceHz);
    }
  }

  async roomHears(timeoutMs = 15_000): Promise<void> {
    const end = performance.now() + timeoutMs;
    const { length } = (await this.#heard())?.samples ?? { length: 0 };
    for (let level = -120; level < -25; ) {
      if (performance.now() > end) throw new Error(`the room does not hear the phone: ${level} dB`);
      await delay(50);
      const sound = await this.#heard();
      if (sound === undefined || sound.samples.length - length < 9600) continue;
      level = levelAt(cut(sound, -0.2), phoneHz);
    }
  }

  /** The phone's RTP so far: no number is missing, and what it heard of Alice was interrupted no longer than the kit was. */
  async phoneLostNothing(): Promise<void> {
    const { recording } = this.call.audio;
    assert.equal(recording.loss().lost, 0, 'RTP packets to the phone');
    const heard = pauses(recording.heard(), aliceHz, await this.#stumbledMs());
    assert.deepEqual(heard, [], 'pauses in what the phone hears');
  }

  /** Nothing of the phone's voice was missing on its way to the bridge. */
  async roomLostNothing(): Promise<void> {
    const statistics = await this.alice.statistics(this.nick);
    const streams = [...(statistics?.fromGateway.values() ?? [])];
    assert.equal(streams.length, 1, 'one stream from the gateway');
    assert.equal(streams[0]?.missing, 0, 'packets to the bridge');
    const sound = await this.#heard();
    assert.ok(sound !== undefined);
    const heard = pauses(sound, phoneHz, await this.#stumbledMs());
    assert.deepEqual(heard, [], 'pauses in what the room hears');
  }

  /** The conversation goes on for so many packets of 20 ms. */
  async goesOn(packets = 25): Promise<void> {
    await this.call.audio.recording.more(packets);
    await this.bothWays();
  }

  async hangup(): Promise<void> {
    const nick = this.nick;
    const left = this.alice.waitForLeave(nick);
    assert.equal(await this.call.hangup(), 200);
    await left;
    await this.alice.leave();
  }

  /** The longest time for which the kit itself stood still: the bridge, or the phone in this process. */
  async #stumbledMs(): Promise<number> {
    const streams = [...((await this.alice.statistics(this.#lastNick))?.toGateway.values() ?? [])];
    const bridgeMs = Math.max(...streams.map(({ longestPauseMs }) => longestPauseMs));
    const longestMs = Math.max(bridgeMs, eventLoop.max / 1e6);
    assert.ok(longestMs < 5000, `the kit stood still for ${longestMs} ms`);
    return longestMs;
  }

  async #heard(): Promise<Sound | undefined> {
    return this.alice.heard(this.nick).catch(() => undefined);
  }
}

/** For `once`: fails when the event does not come within 20 s. */
export const soon = () => ({ signal: AbortSignal.timeout(20_000) });

export function isPhone({ realJid }: { readonly realJid: string }): boolean {
  return realJid.includes('@callcontrol.');
}

/** Silences of more than 100 ms beyond `excusedMs`: shorter ones, and jumps in phase, may be the kit's on a busy machine. */
function pauses(sound: Sound, hz: number, excusedMs: number): string[] {
  const limit = 0.1 + excusedMs / 1000;
  const found = gaps(sound, hz).filter(({ kind, from, to }) => kind === 'silence' && to - from > limit);
  return found.map(({ from, to }) => `${from.toFixed(3)}–${to.toFixed(3)} s`);
}
