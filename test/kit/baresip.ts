import { readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { baresipAccount, baresipConfig } from './baresip-config.ts';
import { BaresipControl, type PhoneEvent } from './baresip-control.ts';
import { Child } from './child.ts';
import { freeTcpPorts } from './free-port.ts';
import { repeat, type Sound } from './sound.ts';
import { resample } from './tone.ts';
import { freeUdpPorts } from './udp-ports.ts';
import { readWav, writeWav } from './wav.ts';

export type BaresipCodec = 'PCMU' | 'PCMA' | 'G722' | 'opus';

export interface BaresipOptions {
  readonly user: string;
  /** Domain of its address; without a registrar its own 127.0.0.1:port. */
  readonly domain?: string;
  /** Registers there, and sends everything through it. */
  readonly registrar?: { readonly host: string; readonly port: number; readonly password: string };
  readonly transport?: 'udp' | 'tcp';
  /** What it offers and accepts, in order. Default PCMU alone. */
  readonly codecs?: readonly BaresipCodec[];
  /** `auto` answers at once, `manual` rings until `answer()`. Default auto. */
  readonly answer?: 'auto' | 'manual';
  /** SRTP by SDES: `srtp` offers it beside RTP/AVP, `srtp-mand` insists. Default: none. */
  readonly encryption?: 'srtp' | 'srtp-mand';
  /** What it says, again and again. Default silence. */
  readonly says?: Sound;
}

/** A real telephone without a user: Debian's baresip, driven by commands and heard through its recordings. */
export interface Baresip {
  readonly user: string;
  /** Where to call it directly. */
  readonly uri: string;
  readonly port: number;
  /** Every event so far: CALL_INCOMING, CALL_RINGING, CALL_PROGRESS, CALL_ESTABLISHED, CALL_CLOSED, CALL_DTMF_START … */
  readonly events: readonly PhoneEvent[];
  /** The first event of a type after those that earlier calls of `event` for that type have given. */
  event(type: string, timeoutMs?: number): Promise<PhoneEvent>;
  dial(uri: string): Promise<void>;
  answer(): Promise<void>;
  /** Rejects (486) when it rings; cancels when it calls; BYE when it talks. */
  hangup(): Promise<void>;
  hold(): Promise<void>;
  resume(): Promise<void>;
  mute(): Promise<void>;
  /** RFC 4733 digits. */
  dtmf(digits: string): Promise<void>;
  /** Any command of baresip's menu, without its slash. */
  command(name: string, parameters?: string): Promise<string>;
  /**
   * What it heard in its latest call, as decoded: packets that did not come take no time in it (see `RawPhone` for times).
   * Complete when the call has ended; before that the last second may be missing.
   */
  heard(): Sound;
  /** What it said in its latest call. */
  said(): Sound;
  /** File of `heard`. */
  recording(): string;
  /** Everything baresip printed, SIP messages too. */
  readonly lines: readonly string[];
  stop(): Promise<void>;
}

const rates = { PCMU: 8000, PCMA: 8000, G722: 16000, opus: 48000 } as const;

/** Starts a phone. Resolves when it is ready, and registered if it has a registrar. */
export async function startBaresip(options: BaresipOptions): Promise<Baresip> {
  const directory = await mkdtemp(join(tmpdir(), 'jigasi-baresip-'));
  try {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await launch(directory, options);
      } catch (error) {
        if (attempt === 3) throw error;
      }
    }
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

async function launch(directory: string, options: BaresipOptions): Promise<Baresip> {
  const [port] = (await freeUdpPorts(1)) as [number];
  const [controlPort] = (await freeTcpPorts(1)) as [number];
  const codecs = options.codecs ?? ['PCMU'];
  const rate = codecs.length === 1 && codecs[0] ? rates[codecs[0]] : 48_000;
  const said = options.says ?? { rate, samples: new Int16Array(rate) };
  // At the end of its file baresip hangs up: it is made longer than any test.
  writeWav(join(directory, 'says.wav'), repeat(said.rate === rate ? said : resample(said, rate), 300));
  const config = baresipConfig({ directory, port, controlPort, rate });
  await writeFile(join(directory, 'config'), config);
  await writeFile(join(directory, 'accounts'), baresipAccount(options, codecs, port));
  await writeFile(join(directory, 'contacts'), '');
  const child = new Child('baresip', ['-4', '-s', '-f', directory]);
  try {
    await child.line(/baresip is ready/);
    const control = await BaresipControl.connect(controlPort);
    const phone = handle(directory, port, options.user, child, control);
    if (options.registrar) await registered(child);
    return phone;
  } catch (error) {
    await child.stop('SIGKILL');
    throw error;
  }
}

/** Read from what it prints: the event may come before the control connection is there. */
async function registered(child: Child): Promise<void> {
  const line = await child.line(/\[\d+ bindings?\]|reg: .*: .*\d{3} /);
  if (line.includes('reg: ')) throw new Error(`the phone could not register: ${line}`);
}

function handle(
  directory: string,
  port: number,
  user: string,
  child: Child,
  control: BaresipControl,
): Baresip {
  const command = (name: string, parameters?: string) => control.command(name, parameters);
  const run = async (name: string, parameters?: string) => {
    await command(name, parameters);
  };
  const dump = (side: 'enc' | 'dec') => {
    const files = readdirSync(directory).filter(
      (name) => name.startsWith('dump-') && name.endsWith(`-${side}.wav`),
    );
    const latest = files.sort().at(-1);
    if (latest === undefined) throw new Error('the phone has had no call with audio');
    return join(directory, latest);
  };
  return {
    user,
    port,
    uri: `sip:${user}@127.0.0.1:${port}`,
    events: control.events,
    lines: child.lines,
    event: (type, timeoutMs) => control.event(type, timeoutMs),
    dial: (uri) => run('dial', uri),
    answer: () => run('accept'),
    hangup: () => run('hangup'),
    hold: () => run('hold'),
    resume: () => run('resume'),
    mute: () => run('mute'),
    dtmf: async (digits) => {
      for (const digit of digits) await run('sndcode', digit);
    },
    command,
    heard: () => readWav(dump('dec')),
    said: () => readWav(dump('enc')),
    recording: () => dump('dec'),
    stop: async () => {
      control.close();
      // It unregisters; when the registrar is gone already it would wait for long.
      await child.stop('SIGTERM', 300);
      await rm(directory, { recursive: true, force: true });
    },
  };
}
