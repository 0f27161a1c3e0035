import { setTimeout as delay } from 'node:timers/promises';
import { type Focus, startFocus } from '../../kit/focus.ts';
import type { LostPacket } from '../../kit/lossy-relay.ts';
import { LossyRelay } from '../../kit/lossy-relay.ts';
import { joinRoom, type Participant } from '../../kit/participant.ts';
import { type Prosody, startProsody } from '../../kit/prosody.ts';
import type { RawCall } from '../../kit/raw-call.ts';
import { type BenchGateway, startGateway } from '../stage.ts';
import { SoundBridge } from './bridge.ts';
import { type AudioCodec, type Condition, codecFormats } from './conditions.ts';
import type { Disturbance } from './disturbances.ts';
import { type HeardPacket, PhoneEnd, RoomEnd } from './ends.ts';
import { Pace, type Played } from './pace.ts';

/** What became of one stream through the gateway. */
export interface Passage {
  /** When the first frame left, and each frame 20 ms later; performance.now() in ms. */
  readonly startedAt: number;
  /** Frames that the network kept from the gateway. */
  readonly lost: ReadonlySet<number>;
  readonly heard: readonly HeardPacket[];
}

export interface CallPassages {
  readonly toPhone: Passage;
  readonly toRoom: Passage;
  /** Frames that left an end late. */
  readonly late: readonly Disturbance[];
}

/** What is sent, frame by frame. */
export interface CallStreams {
  readonly room: readonly Buffer[];
  readonly phone: readonly Buffer[];
}

/** What is still on its way when the last frame has left. */
const drainMs = 600;

/** A whole gateway, Prosody, focus and a bridge; calls between a phone and a room, each in a room of its own. */
export class SoundStage {
  readonly #prosody: Prosody;
  readonly #bridge: SoundBridge;
  readonly #focus: Focus;
  readonly #bench: BenchGateway;
  readonly #calls: SoundCall[] = [];

  static async start(): Promise<SoundStage> {
    const prosody = await startProsody();
    const bridge = new SoundBridge();
    const focus = await startFocus(prosody, { bridge });
    return new SoundStage(prosody, bridge, focus, await startGateway(prosody));
  }

  private constructor(prosody: Prosody, bridge: SoundBridge, focus: Focus, bench: BenchGateway) {
    this.#prosody = prosody;
    this.#bridge = bridge;
    this.#focus = focus;
    this.#bench = bench;
  }

  /** A call whose phone speaks `codec` only; its network is good until `play`. */
  async call(codec: AudioCodec): Promise<SoundCall> {
    const room = `sound-${this.#calls.length}`;
    const participant = await joinRoom({ prosody: this.#prosody, room });
    const { payloadType, clockRate, rtpmap } = codecFormats[codec];
    const phone = await PhoneEnd.open(payloadType, clockRate);
    const relay = await LossyRelay.open({ address: '127.0.0.1', port: phone.port });
    phone.remotePort = relay.portForEnd;
    const { gateway, phone: dialler } = this.#bench;
    const call = await dialler.call(`sip:room@127.0.0.1:${gateway.sipPort}`, {
      headers: [['Jitsi-Conference-Room', room]],
      sdp: offerOf(relay.portForGateway, payloadType, rtpmap),
    });
    await call.answered().catch((error: unknown) => {
      throw new Error(gateway.text.split('\n').slice(-5).join('\n'), { cause: error });
    });
    const answer = call.remoteSdp;
    if (answer === undefined || !answer.payloadTypes.includes(payloadType)) throw new Error(`no ${codec}`);
    relay.gateway = { address: '127.0.0.1', port: answer.port };
    const media = this.#bridge.legs.get(participant.room);
    if (media === undefined) throw new Error(`the bridge has no leg in ${room}`);
    await media.up;
    const roomEnd = new RoomEnd(media.bridge, participant.ssrc);
    const sound = new SoundCall(call, participant, phone, roomEnd, relay, media.relay);
    this.#calls.push(sound);
    return sound;
  }

  /** The gateway's log. */
  get log(): string {
    return this.#bench.gateway.text;
  }

  async stop(): Promise<void> {
    for (const call of this.#calls) await call.end();
    await this.#bench.stop();
    this.#bridge.stop();
    await this.#focus.stop();
    await this.#prosody.stop();
  }
}

/** One call with its two ends and the networks between them and the gateway. */
export class SoundCall {
  readonly #call: RawCall;
  readonly #participant: Participant;
  readonly #phone: PhoneEnd;
  readonly #room: RoomEnd;
  readonly #phoneNetwork: LossyRelay;
  readonly #roomNetwork: LossyRelay;
  readonly #phonePace: Pace;
  readonly #roomPace: Pace;

  constructor(
    call: RawCall,
    participant: Participant,
    phone: PhoneEnd,
    room: RoomEnd,
    phoneNetwork: LossyRelay,
    roomNetwork: LossyRelay,
  ) {
    this.#call = call;
    this.#participant = participant;
    this.#phone = phone;
    this.#room = room;
    this.#phoneNetwork = phoneNetwork;
    this.#roomNetwork = roomNetwork;
    this.#phonePace = new Pace(phone);
    this.#roomPace = new Pace(room);
  }

  /** Plays both streams through the gateway, over networks in this condition towards it. Can be called again. */
  async play(streams: CallStreams, { impairment }: Condition, seed: number): Promise<CallPassages> {
    const [roomNetwork, phoneNetwork] = [this.#roomNetwork, this.#phoneNetwork];
    roomNetwork.impair({ ...impairment, seed }, {});
    phoneNetwork.impair({ ...impairment, seed: seed + 1 }, {});
    for (const { heard } of [this.#phone, this.#room]) heard.length = 0;
    for (const { lost } of [roomNetwork, phoneNetwork]) lost.toGateway.length = 0;
    const late: Disturbance[] = [];
    const [room, phone] = await Promise.all([
      this.#roomPace.play(streams.room, late),
      this.#phonePace.play(streams.phone, late),
    ]);
    await delay(drainMs);
    return {
      toPhone: passage(room, roomNetwork.lost.toGateway, this.#phone.heard),
      toRoom: passage(phone, phoneNetwork.lost.toGateway, this.#room.heard),
      late,
    };
  }

  async end(): Promise<void> {
    await this.#call.hangup();
    await this.#participant.leave(true);
    this.#phone.close();
    this.#phoneNetwork.close();
  }
}

function passage(
  { startedAt, first }: Played,
  lost: readonly LostPacket[],
  heard: readonly HeardPacket[],
): Passage {
  const frames = lost.map(({ sequence }) => (sequence - first) & 0xffff);
  return { startedAt, lost: new Set(frames), heard: [...heard] };
}

function offerOf(port: number, payloadType: number, rtpmap: string): string {
  return [
    'v=0',
    'o=phone 1 1 IN IP4 127.0.0.1',
    's=-',
    'c=IN IP4 127.0.0.1',
    't=0 0',
    `m=audio ${port} RTP/AVP ${payloadType}`,
    `a=rtpmap:${payloadType} ${rtpmap}`,
    ...(rtpmap.startsWith('opus') ? [`a=fmtp:${payloadType} useinbandfec=1`] : []),
    'a=ptime:20',
    'a=sendrecv',
    '',
  ].join('\r\n');
}
