import { type Bridge, type BridgeOptions, startBridge } from './bridge.ts';
import { type Focus, type FocusOptions, startFocus } from './focus.ts';
import type { FocusConference } from './focus-conference.ts';
import { Moderation } from './focus-moderation.ts';
import { joinRoom, type Participant, type ParticipantOptions } from './participant.ts';
import { type Prosody, type ProsodyOptions, startProsody } from './prosody.ts';

export interface JitsiOptions {
  readonly prosody?: ProsodyOptions;
  readonly focus?: Omit<FocusOptions, 'bridge'>;
  /** `false`: signalling only, with a bridge of paper. */
  readonly bridge?: BridgeOptions | false;
}

/** A Jitsi Meet installation for a test: Prosody, a focus, a videobridge, and whoever joins. */
export async function startJitsi(options: JitsiOptions = {}): Promise<Jitsi> {
  const payloadTypes = options.focus?.payloadTypes;
  const numbers = payloadTypes === undefined ? {} : { payloadTypes };
  const [prosody, bridge] = await Promise.all([
    startProsody(options.prosody),
    options.bridge === false ? undefined : startBridge({ ...numbers, ...options.bridge }),
  ]);
  try {
    const focus = await startFocus(prosody, {
      ...options.focus,
      ...(bridge === undefined ? {} : { bridge }),
    });
    return new Jitsi(prosody, focus, bridge);
  } catch (error) {
    await Promise.all([prosody.stop(), bridge?.stop()]);
    throw error;
  }
}

export class Jitsi {
  readonly prosody: Prosody;
  readonly focus: Focus;
  readonly #bridge: Bridge | undefined;
  readonly #participants: Participant[] = [];

  constructor(prosody: Prosody, focus: Focus, bridge: Bridge | undefined) {
    this.prosody = prosody;
    this.focus = focus;
    this.#bridge = bridge;
  }

  get bridge(): Bridge {
    if (this.#bridge === undefined) throw new Error('started without a bridge');
    return this.#bridge;
  }

  /** The room of this name, whether somebody is in it or not. */
  room(name: string): Room {
    return new Room(this, name, this.#bridge, this.#participants);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#participants.map((participant) => participant.leave(true)));
    await this.focus.stop();
    await Promise.all([this.prosody.stop(), this.#bridge?.stop()]);
  }
}

export class Room {
  readonly jid: string;
  readonly #jitsi: Jitsi;
  readonly #bridge: Bridge | undefined;
  readonly #participants: Participant[];

  constructor(jitsi: Jitsi, name: string, bridge: Bridge | undefined, participants: Participant[]) {
    this.jid = `${name}@conference.${jitsi.prosody.domain}`;
    this.#jitsi = jitsi;
    this.#bridge = bridge;
    this.#participants = participants;
  }

  /** The focus' conference; throws when the focus is not in the room. */
  get conference(): FocusConference {
    return this.#jitsi.focus.conference(this.jid);
  }

  /** Mute, kick, terminate, password, … by the focus. */
  get moderation(): Moderation {
    return new Moderation(this.conference);
  }

  /** Somebody joins with a browser. */
  async join(
    displayName: string,
    options: Partial<Omit<ParticipantOptions, 'prosody' | 'bridge' | 'room'>> = {},
  ): Promise<Participant> {
    const bridge = this.#bridge === undefined ? {} : { bridge: this.#bridge };
    const { prosody } = this.#jitsi;
    const participant = await joinRoom({ ...options, ...bridge, prosody, displayName, room: this.jid });
    this.#participants.push(participant);
    return participant;
  }
}
