import { randomUUID } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Child } from './child.ts';
import { type KamailioSettings, type KamailioTls, kamailioConfig } from './kamailio-config.ts';
import { freeUdpPorts } from './udp-ports.ts';

export interface KamailioOptions {
  /** Password by user name. */
  readonly users: Readonly<Record<string, string>>;
  /** SIP domain and digest realm. Default `pbx.test`: phones reach it with 127.0.0.1:port as outbound proxy. */
  readonly domain?: string;
  readonly algorithm?: 'MD5' | 'SHA-256';
  /** Calls to `room-NAME` go to this user with `Jitsi-Conference-Room: NAME`. Default `gateway`. */
  readonly gateway?: string;
  /** Longest registration that is granted, in seconds. Default 3600. */
  readonly maxExpires?: number;
  /** Listens on TLS too. */
  readonly tls?: Omit<KamailioTls, 'port'>;
}

/** A PBX: registrar and record-routing proxy that asks for digest on REGISTER (401) and on every new request (407). */
export interface Kamailio {
  readonly host: '127.0.0.1';
  /** UDP and TCP. */
  readonly port: number;
  /** 0 without TLS. */
  readonly tlsPort: number;
  readonly domain: string;
  /** What it logged; each registration is a line `REGISTERED user …`, each relayed request `RELAY method …`. */
  readonly lines: readonly string[];
  /** Resolves with the log line of the next registration (from line `from` on, default now) of a user. */
  registered(user: string, from?: number): Promise<string>;
  stop(): Promise<void>;
  /** Stops and starts on the same port: all registrations are forgotten. */
  restart(): Promise<void>;
  /** Only after `stop`: starts again on the same port. */
  start(): Promise<void>;
  /** Stops for ever and removes the temporary folder. */
  close(): Promise<void>;
}

/** Debian's kamailio on a free port of 127.0.0.1, in the foreground, in a temporary folder. */
export async function startKamailio(options: KamailioOptions): Promise<Kamailio> {
  const directory = await mkdtemp(join(tmpdir(), 'jigasi-kamailio-'));
  for (let attempt = 1; ; attempt += 1) {
    const [port, tlsPort] = (await freeUdpPorts(2)) as [number, number];
    const settings: KamailioSettings = {
      port,
      users: options.users,
      domain: options.domain ?? 'pbx.test',
      algorithm: options.algorithm ?? 'MD5',
      gateway: options.gateway ?? 'gateway',
      maxExpires: options.maxExpires ?? 3600,
      ...(options.tls && { tls: { ...options.tls, port: tlsPort } }),
    };
    await writeFile(join(directory, 'kamailio.cfg'), kamailioConfig(settings));
    try {
      return handle(directory, settings, await launch(directory, port));
    } catch (error) {
      if (attempt < 3) continue;
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }
}

async function launch(directory: string, port: number): Promise<Child> {
  const args = ['-DD', '-E', '-f', join(directory, 'kamailio.cfg'), '-Y', directory, '-m', '16', '-M', '4'];
  // On SIGTERM the first process ends its children.
  const child = new Child('kamailio', args, { deathSignal: 'TERM' });
  try {
    await child.line(/Listening on/);
    await answers(port, child);
    return child;
  } catch (error) {
    await child.stop('SIGKILL');
    throw error;
  }
}

/** Its workers start after it has bound: asks with OPTIONS until it answers. */
async function answers(port: number, child: Child): Promise<void> {
  const socket = createSocket('udp4');
  try {
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    let answered = false;
    socket.once('message', () => {
      answered = true;
    });
    const own = `127.0.0.1:${socket.address().port}`;
    for (let attempt = 0; attempt < 300 && child.running; attempt += 1) {
      const request = [
        `OPTIONS sip:127.0.0.1:${port} SIP/2.0`,
        `Via: SIP/2.0/UDP ${own};branch=z9hG4bK${randomUUID()}`,
        'Max-Forwards: 70',
        `From: <sip:probe@${own}>;tag=1`,
        `To: <sip:127.0.0.1:${port}>`,
        `Call-ID: ${randomUUID()}`,
        'CSeq: 1 OPTIONS',
        'Content-Length: 0',
      ];
      socket.send(`${request.join('\r\n')}\r\n\r\n`, port, '127.0.0.1');
      await delay(20);
      if (answered) return;
    }
    throw new Error(`kamailio does not answer\n${child.tail()}`);
  } finally {
    socket.close();
  }
}

function handle(directory: string, settings: KamailioSettings, first: Child): Kamailio {
  let child = first;
  const earlier: string[] = [];
  const stop = async () => {
    // It keeps nothing, and on SIGTERM its workers sometimes lock each other out for ever.
    await child.stop('SIGKILL');
  };
  const start = async () => {
    earlier.push(...child.lines);
    child = await launch(directory, settings.port);
  };
  return {
    host: '127.0.0.1',
    port: settings.port,
    tlsPort: settings.tls?.port ?? 0,
    domain: settings.domain,
    get lines() {
      return [...earlier, ...child.lines];
    },
    registered: (user, from = earlier.length + child.lines.length) =>
      child.line(new RegExp(`REGISTERED ${user} `), Math.max(0, from - earlier.length)),
    stop,
    start,
    restart: async () => {
      await stop();
      await start();
    },
    close: async () => {
      await stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
