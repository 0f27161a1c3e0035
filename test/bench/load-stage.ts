import { once } from 'node:events';
import { type Focus, startFocus } from '../kit/focus.ts';
import { type LightBridge, startLightBridge } from '../kit/light-bridge.ts';
import { joinRoom, type Participant } from '../kit/participant.ts';
import { type Prosody, startProsody } from '../kit/prosody.ts';
import type { RawCall } from '../kit/raw-call.ts';
import { mix, type Sound } from '../kit/sound.ts';
import { speech, tone } from '../kit/tone.ts';
import { type BenchGateway, type BenchGatewayOptions, gatewayDomain, startGateway } from './stage.ts';

export interface LoadCall {
  readonly call: RawCall;
  readonly nick: string;
  readonly participant: Participant;
}

const sentence = 'The quick brown fox jumps over the lazy dog, and the dog does not mind at all.';

/** Speech over a steady tone: costs a codec what speech costs, and every silent frame is a fault. Rests on espeak-ng and ffmpeg. */
export function voice(hz: number, rate: number): Sound {
  const spoken = speech(sentence, rate);
  const length = Math.floor(spoken.samples.length / rate);
  const softer = { rate, samples: spoken.samples.slice(0, length * rate).map((sample) => sample >> 1) };
  return mix(softer, tone(hz, rate, length, -15));
}

/**
 * Everything around a gateway that is to be loaded: many rooms, in each a participant who always speaks; the light bridge in place of
 * libwebrtc; phones that always speak.
 */
export class LoadStage {
  readonly bridge: LightBridge;
  readonly bench: BenchGateway;
  readonly #prosody: Prosody;
  readonly #focus: Focus;
  readonly #rooms: Participant[] = [];
  readonly #phoneVoice = voice(1000, 8000);

  static async start(options: BenchGatewayOptions = {}): Promise<LoadStage> {
    const prosody = await startProsody();
    const bridge = await startLightBridge(voice(440, 48_000));
    const focus = await startFocus(prosody, { bridge });
    const bench = await startGateway(prosody, options);
    return new LoadStage(prosody, bridge, focus, bench);
  }

  private constructor(prosody: Prosody, bridge: LightBridge, focus: Focus, bench: BenchGateway) {
    this.#prosody = prosody;
    this.bridge = bridge;
    this.#focus = focus;
    this.bench = bench;
  }

  /** Makes rooms until there are so many, each with a participant. */
  async openRooms(count: number): Promise<void> {
    while (this.#rooms.length < count) {
      const room = `load-${this.#rooms.length}`;
      this.#rooms.push(await joinRoom({ prosody: this.#prosody, room }));
    }
  }

  /** A call into room number `index`; resolves when it is answered and both sides have sent for 200 ms. */
  async place(index: number): Promise<LoadCall> {
    const participant = this.#rooms[index];
    if (participant === undefined) throw new Error(`no room ${index}`);
    const { phone, gateway } = this.bench;
    const headers = [['Jitsi-Conference-Room', `load-${index}`]] as const;
    const call = await phone.call(`sip:room@127.0.0.1:${gateway.sipPort}`, { headers });
    setTimeout(() => call.audio.say(this.#phoneVoice), Math.random() * 20);
    const { nick } = await participant.waitFor(({ realJid }) => realJid.includes(gatewayDomain));
    await call.answered().catch((error: unknown) => {
      throw new Error(`call ${index}: ${this.#lastLines()}`, { cause: error });
    });
    await call.audio.recording.more(10);
    return { call, nick, participant };
  }

  /** Hangs up, and waits until the room has seen it. */
  async hangUp({ call, nick, participant }: LoadCall): Promise<void> {
    await call.hangup();
    while (participant.others.has(nick)) await once(participant, 'gone');
    call.audio.close();
    this.bench.phone.forget(call);
  }

  /** What the gateway logged last. */
  #lastLines(): string {
    return this.bench.gateway.log
      .slice(-3)
      .map(({ text }) => text)
      .join('\n');
  }

  async stop(): Promise<void> {
    await this.bench.stop();
    await Promise.all(this.#rooms.map((participant) => participant.leave(true)));
    await this.#focus.stop();
    await Promise.all([this.#prosody.stop(), this.bridge.stop()]);
  }
}
