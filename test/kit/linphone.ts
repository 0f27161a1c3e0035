import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from './child.ts';
import { freeUdpPorts } from './udp-ports.ts';

/**
 * Debian's linphone-daemon, a telephone without screen and sound card that takes commands. It places calls; those that come to it
 * it refuses with 503, because the packaged program never starts its core (5.1.65: "core global state is not on").
 */
export interface Linphone {
  /** Once. */
  dial(uri: string): Promise<void>;
  hold(): Promise<void>;
  resume(): Promise<void>;
  hangup(): Promise<void>;
  /** Resolves when its call is in that state, such as `StreamsRunning`, `Paused`, `End`, after the states of earlier calls of this. */
  state(name: string): Promise<void>;
  stop(): Promise<void>;
}

export async function startLinphone(user: string): Promise<Linphone> {
  const directory = await mkdtemp(join(tmpdir(), 'jigasi-linphone-'));
  const [port, mediaPort] = (await freeUdpPorts(2)) as [number, number];
  const file = join(directory, 'linphonerc');
  await writeFile(file, settings(user, port, mediaPort));
  const env = { HOME: directory, XDG_CONFIG_HOME: directory, XDG_DATA_HOME: directory };
  const child = new Child('linphone-daemon', ['--config', file], { reads: true, cwd: directory, env });
  const stop = async (): Promise<void> => {
    await child.stop('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  };
  const run = async (command: string): Promise<void> => {
    const from = child.lines.length;
    child.write(command);
    const answer = await child.line(/^Status: /, from);
    if (answer !== 'Status: Ok') throw new Error(`linphone: ${command}: ${child.tail(3)}`);
  };
  let seen = 0;
  try {
    // Only this makes it open its socket.
    await run('ipv6 disable');
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    dial: (uri) => run(`call ${uri}`),
    hold: () => run('call-pause'),
    // A call on hold is not the current one.
    resume: () => run('call-resume 1'),
    hangup: () => run('terminate'),
    async state(name) {
      const event = `Event: LinphoneCall${name}`;
      await child.line((line) => line === event, seen);
      seen = child.lines.indexOf(event, seen) + 1;
    },
    stop,
  };
}

function settings(user: string, port: number, mediaPort: number): string {
  return [
    '[sip]',
    `sip_port=${port}`,
    'sip_tcp_port=0',
    'sip_tls_port=0',
    'use_ipv6=0',
    'bind_address=127.0.0.1',
    `contact=sip:${user}@127.0.0.1`,
    '[rtp]',
    `audio_rtp_port=${mediaPort}`,
    '[video]',
    'capture=0',
    'display=0',
    '',
  ].join('\n');
}
