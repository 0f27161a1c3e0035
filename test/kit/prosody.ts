import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freeTcpPorts } from './free-port.ts';
import { filterAccessModule, type ProsodySettings, prosodyConfig } from './prosody-config.ts';

export interface ProsodyOptions {
  readonly domain?: string;
  readonly secret?: string;
  /** Domains that may join the brewery's MUC; unset: all. */
  readonly breweryWhitelist?: readonly string[];
  /** Default true, as Debian's Prosody has it. */
  readonly nagle?: boolean;
}

export interface Prosody {
  readonly host: '127.0.0.1';
  readonly componentPort: number;
  readonly c2sPort: number;
  readonly domain: string;
  /** Secret of the component `callcontrol.DOMAIN`. */
  readonly secret: string;
  /** Secret of the component `focus.DOMAIN`. */
  readonly focusSecret: string;
  /** Password of `focus@auth.DOMAIN`. */
  readonly focusPassword: string;
  /** SIGTERM, and the temporary folder is gone. */
  stop(): Promise<void>;
  /** SIGTERM (streams are closed politely), then up again on the same ports. */
  restart(): Promise<void>;
  /** SIGKILL; `start` brings it back on the same ports. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Everything it logged so far, level debug. */
  log(): string;
}

const focusPassword = 'focus-password';

/** Debian's Prosody as Jitsi Meet configures it, in a temporary folder on free ports of 127.0.0.1. Resolves when both ports accept. */
export async function startProsody(options: ProsodyOptions = {}): Promise<Prosody> {
  const directory = await mkdtemp(join(tmpdir(), 'jigasi-prosody-'));
  try {
    for (let attempt = 1; ; attempt += 1) {
      const settings = await layOut(directory, options);
      const process = new ProsodyProcess(settings);
      try {
        await process.start();
        return handle(settings, process);
      } catch (error) {
        await process.end('SIGKILL');
        if (attempt === 3) throw error;
      }
    }
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

async function layOut(directory: string, options: ProsodyOptions): Promise<ProsodySettings> {
  const [c2sPort, componentPort] = (await freeTcpPorts(2)) as [number, number];
  const domain = options.domain ?? 'meet.test';
  const settings: ProsodySettings = {
    directory,
    c2sPort,
    componentPort,
    domain,
    secret: options.secret ?? 's3cret',
    focusSecret: 'focus-secret',
    breweryWhitelist: options.breweryWhitelist,
    nagle: options.nagle ?? true,
  };
  // Prosody's own file storage: a hosts' folder is its percent-encoded name.
  const accounts = join(directory, 'data', `auth.${domain}`.replaceAll('.', '%2e'), 'accounts');
  await mkdir(accounts, { recursive: true });
  await mkdir(join(directory, 'plugins'), { recursive: true });
  await writeFile(join(accounts, 'focus.dat'), `return { ["password"] = "${focusPassword}"; };\n`);
  await writeFile(join(directory, 'plugins', 'mod_kit_filter_access.lua'), filterAccessModule);
  await writeFile(join(directory, 'prosody.cfg.lua'), prosodyConfig(settings));
  return settings;
}

function handle(settings: ProsodySettings, process: ProsodyProcess): Prosody {
  return {
    host: '127.0.0.1',
    componentPort: settings.componentPort,
    c2sPort: settings.c2sPort,
    domain: settings.domain,
    secret: settings.secret,
    focusSecret: settings.focusSecret,
    focusPassword,
    start: () => process.start(),
    kill: () => process.end('SIGKILL'),
    restart: async () => {
      await process.end('SIGTERM');
      await process.start();
    },
    stop: async () => {
      await process.end('SIGTERM');
      await rm(settings.directory, { recursive: true, force: true });
    },
    log: () => process.log(),
  };
}

class ProsodyProcess {
  readonly #settings: ProsodySettings;
  #child: ChildProcess | undefined;
  /** Set when the child could not be spawned or has ended. */
  #ended: Promise<unknown> | undefined;

  constructor(settings: ProsodySettings) {
    this.#settings = settings;
  }

  async start(): Promise<void> {
    const { directory, c2sPort, componentPort } = this.#settings;
    const out = openSync(this.#logFile(), 'a');
    // pdeathsig: a test that is killed leaves no Prosody behind.
    const child = spawn(
      'setpriv',
      ['--pdeathsig', 'KILL', 'prosody', '-F', '--config', `${directory}/prosody.cfg.lua`],
      {
        stdio: ['ignore', out, out],
        detached: true, // Ctrl-C in the terminal is not for it
      },
    );
    closeSync(out);
    this.#child = child;
    this.#ended = once(child, 'exit').catch((error: unknown) => error);
    await this.#accepting(c2sPort);
    await this.#accepting(componentPort);
    if (this.log().includes('Failed to open server port')) throw this.#failure('a port was taken meanwhile');
  }

  async #accepting(port: number): Promise<void> {
    for (let attempt = 0; attempt < 1000; attempt += 1) {
      if (this.#child === undefined || this.#child.exitCode !== null || this.#child.pid === undefined) {
        throw this.#failure('it ended at once; are prosody and setpriv (util-linux) installed?');
      }
      if (await accepts(port)) return;
      await delay(15);
    }
    throw this.#failure(`port ${port} does not accept`);
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
    await this.#ended;
    clearTimeout(timer);
  }

  log(): string {
    try {
      return readFileSync(this.#logFile(), 'utf8');
    } catch {
      return '';
    }
  }

  #logFile(): string {
    return join(this.#settings.directory, 'prosody.out');
  }

  #failure(why: string): Error {
    return new Error(`Prosody did not start: ${why}\n${this.log().slice(-4000)}`);
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
