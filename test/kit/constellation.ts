import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { dominant } from './analysis.ts';
import type { FocusOptions } from './focus.ts';
import {
  type GatewayAccount,
  type GatewayLogLine,
  GatewayProcess,
  type GatewayProcessOptions,
} from './gateway-process.ts';
import { type Jitsi, type Room, startJitsi } from './jitsi.ts';
import type { Participant, Seen } from './participant.ts';
import type { RawCall, RawCallOptions } from './raw-call.ts';
import { RawPhone } from './raw-phone.ts';
import { cut, type Sound, seconds } from './sound.ts';
import { until } from './until.ts';

export interface ConstellationOptions
  extends Pick<GatewayProcessOptions, 'env' | 'defaultRoom' | 'mediaPorts' | 'command'> {
  readonly focus?: FocusOptions;
  /** Joins the focus' brewery. Default: a plain component. */
  readonly brewery?: boolean;
  /** The gateway's SIP account. Default: a trunk without registration to the constellation's `phone`. */
  readonly account?: GatewayAccount;
}

/** Prosody, focus, libwebrtc bridge, the gateway as its own process, and a telephone that is its whole telephone network. */
export class Constellation {
  readonly jitsi: Jitsi;
  readonly gateway: GatewayProcess;
  /** Calls the gateway, and is the trunk that the gateway's calls arrive at. */
  readonly phone: RawPhone;

  static async start(options: ConstellationOptions = {}): Promise<Constellation> {
    const { focus, brewery, account, ...rest } = options;
    const [jitsi, phone] = await Promise.all([
      startJitsi({ ...(focus && { focus }) }),
      RawPhone.start({ user: '100' }),
    ]);
    try {
      const host = '127.0.0.1';
      const trunk = { user: 'gateway', domain: host, password: 'g-pass', server: host, port: phone.port };
      const gateway = await GatewayProcess.start({
        ...rest,
        xmpp: jitsi.prosody,
        account: account ?? { ...trunk, register: false },
        ...(brewery && { brewery: jitsi.focus.options.brewery }),
      });
      return new Constellation(jitsi, gateway, phone);
    } catch (error) {
      phone.stop();
      await jitsi.stop();
      throw error;
    }
  }

  private constructor(jitsi: Jitsi, gateway: GatewayProcess, phone: RawPhone) {
    this.jitsi = jitsi;
    this.gateway = gateway;
    this.phone = phone;
  }

  get componentDomain(): string {
    return `callcontrol.${this.jitsi.prosody.domain}`;
  }

  /** `sip:room@gateway`, or another user of the gateway. */
  uri(user = 'room'): string {
    return `sip:${user}@${this.gateway.host}:${this.gateway.sipPort}`;
  }

  room(name: string): Room {
    return this.jitsi.room(name);
  }

  /** The phone calls a room, named by the header `Jitsi-Conference-Room`. */
  dialIn(room: string, options: RawCallOptions = {}): Promise<RawCall> {
    const headers = [['Jitsi-Conference-Room', room] as const, ...(options.headers ?? [])];
    return this.phone.call(this.uri(), { ...options, headers });
  }

  /** The gateway's occupant that `participant` sees: the only one, or the one for which `test` holds. */
  occupant(participant: Participant, test: (seen: Seen) => boolean = () => true): Promise<Seen> {
    const ours = (seen: Seen) => seen.realJid.includes(`@${this.componentDomain}/`);
    return participant.waitFor((seen) => ours(seen) && test(seen));
  }

  /** Waits for `{"event":"call-ended"}` of the call in this room (name or JID). */
  callEnded(room: string, from = 0): Promise<GatewayLogLine> {
    const jid = room.includes('@') ? room : this.room(room).jid;
    return this.gateway.waitFor(({ event, room: where }) => event === 'call-ended' && where === jid, from);
  }

  /** Waits until no media port is bound: every call has given back what it held. */
  async idle(): Promise<void> {
    await until('all media ports are free', () => this.gateway.mediaPorts().length === 0);
  }

  /** For `afterEach`: the gateway's log goes to the test's output when the test failed. */
  report(test: object): void {
    if ('passed' in test && test.passed === false) console.error(`gateway's log:\n${this.gateway.text}`);
    assert.doesNotMatch(this.gateway.text, /"event":"(bug|call-bug)"/, 'the gateway met a bug of its own');
  }

  /** Ends everything; fails when the gateway did not end in order. */
  async stop(): Promise<void> {
    const exit = await this.gateway.stop();
    this.phone.stop();
    await this.jitsi.stop();
    assert.deepEqual(exit, { code: 0, signal: null }, this.gateway.text);
  }
}

/** The last `length` seconds of what the phone hears, of which all arrives after this call. */
export async function phoneHears(call: RawCall, length = 1): Promise<Sound> {
  const { recording } = call.audio;
  await recording.more(Math.ceil(length * 50) + 5);
  return cut(recording.heard(), -length);
}

/** The last `length` seconds of what the room hears of the phone `nick`, of which all arrives after this call. */
export async function roomHears(listener: Participant, nick: string, length = 1): Promise<Sound> {
  const start = Date.now();
  for (;;) {
    const heard = await listener.heard(nick);
    const end = heard.startedAt + seconds(heard) * 1000;
    if (end > start + length * 1000 + 100 && seconds(heard) > length) return cut(heard, -length);
    if (Date.now() > start + 15_000) throw new Error(`the room has heard ${seconds(heard)} s of ${nick}`);
    await delay(50);
  }
}

/** Exactly these tones are in the sound, ± 4 Hz, each at `dbfs` ± `tolerance` dB. */
export function assertTones(sound: Sound, expected: readonly number[], dbfs = -15, tolerance = 2): void {
  const peaks = dominant(sound, 8, 20);
  const heard = peaks.map(({ hz, dbfs: level }) => `${hz.toFixed(1)} Hz ${level.toFixed(1)} dBFS`).join(', ');
  const frequencies = peaks.map(({ hz }) => expected.find((wanted) => Math.abs(wanted - hz) <= 4) ?? hz);
  assert.deepEqual(
    [...new Set(frequencies)].sort((a, b) => a - b),
    [...expected].sort((a, b) => a - b),
    `heard: ${heard}`,
  );
  for (const { hz, dbfs: level } of peaks) {
    assert.ok(
      Math.abs(level - dbfs) <= tolerance,
      `${hz.toFixed(1)} Hz is not at ${dbfs} dBFS; heard: ${heard}`,
    );
  }
}

/**
 * The phone hears exactly these tones, now or soon: it listens for more than half a second at most ten times, because a busy
 * moment of this machine, and what was said before, is no failure.
 */
export async function phoneHearsTones(call: RawCall, tones: readonly number[], dbfs = -15): Promise<void> {
  await hearsTones(() => phoneHears(call, 0.6), tones, dbfs);
}

/** The room hears exactly these tones from the phone `nick`, now or soon. */
export async function roomHearsTones(
  listener: Participant,
  nick: string,
  tones: readonly number[],
  dbfs = -15,
): Promise<void> {
  await hearsTones(() => roomHears(listener, nick, 0.6), tones, dbfs);
}

async function hearsTones(
  listen: () => Promise<Sound>,
  tones: readonly number[],
  dbfs: number,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const heard = await listen();
    try {
      assertTones(heard, tones, dbfs);
      return;
    } catch (error) {
      if (attempt === 10) throw error;
    }
  }
}
