import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child, type Exit } from './child.ts';
import { type ProcessSockets, type ProcessUsage, processSockets, processUsage } from './process-sockets.ts';
import { freeSipPort, freeUdpRange } from './udp-ports.ts';

export interface GatewayAccount {
  readonly user: string;
  readonly domain: string;
  readonly password: string;
  readonly server: string;
  readonly port: number;
  readonly transport?: 'udp' | 'tcp';
  /** False: a plain trunk. Default true. */
  readonly register?: boolean;
}

export interface GatewayProcessOptions {
  /** Where the component connects: a `Prosody` of the kit fits. */
  readonly xmpp: {
    readonly host: string;
    readonly componentPort: number;
    readonly domain: string;
    readonly secret: string;
  };
  /** The SIP account, given by environment as users do. Undefined: none. */
  readonly account: GatewayAccount | undefined;
  readonly defaultRoom?: string;
  /** Bare name of the brewery room. */
  readonly brewery?: string;
  /** Number of media ports. Default 200. */
  readonly mediaPorts?: number;
  /** More variables; undefined removes one. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** More arguments. */
  readonly args?: readonly string[];
  /** Runs this program instead of `node src/cli.ts`, e.g. `['node', 'dist/cli.js']`. */
  readonly command?: readonly [string, ...string[]];
}

/** A line of the log. Lines that are no JSON (what `console` or Node itself prints) have only `text`. */
export interface GatewayLogLine {
  readonly text: string;
  readonly event?: string;
  readonly msg?: string;
  readonly [key: string]: unknown;
}

const repository = fileURLToPath(new URL('../..', import.meta.url));

/** The gateway as its own process, with the command line and the environment that the README documents. */
export class GatewayProcess {
  readonly host = '127.0.0.1';
  readonly sipPort: number;
  readonly minPort: number;
  readonly maxPort: number;
  /** As one would type it in the repository. */
  readonly commandLine: string;
  readonly #child: Child;
  readonly #directory: string;

  /** Starts it and waits for `{"event":"ready"}`. */
  static async start(options: GatewayProcessOptions): Promise<GatewayProcess> {
    const gateway = await GatewayProcess.launch(options);
    try {
      await gateway.waitFor('ready');
      return gateway;
    } catch (error) {
      await gateway.stop('SIGKILL');
      throw error;
    }
  }

  /** Starts it and waits for nothing: for starts that fail, or before Prosody is there. */
  static async launch(options: GatewayProcessOptions): Promise<GatewayProcess> {
    const range = await freeUdpRange(options.mediaPorts ?? 200);
    const sipPort = await freeSipPort(range);
    // An empty working directory: the developer's own .env has no say.
    const directory = await mkdtemp(join(tmpdir(), 'jigasi-gateway-'));
    return new GatewayProcess(options, sipPort, range, directory);
  }

  private constructor(
    options: GatewayProcessOptions,
    sipPort: number,
    range: { first: number; last: number },
    directory: string,
  ) {
    this.sipPort = sipPort;
    this.minPort = range.first;
    this.maxPort = range.last;
    this.#directory = directory;
    const { xmpp } = options;
    const [program, ...first] = options.command ?? [process.execPath, join(repository, 'src/cli.ts')];
    const args = [
      ...first,
      ...['--domain', xmpp.domain, '--subdomain', 'callcontrol', '--secret', xmpp.secret],
      ...['--host', xmpp.host, '--port', String(xmpp.componentPort)],
      ...['--min-port', String(this.minPort), '--max-port', String(this.maxPort)],
      ...(options.args ?? []),
    ];
    const typed = [program, ...args].map((word) => (word === process.execPath ? 'node' : relative(word)));
    this.commandLine = typed.join(' ');
    this.#child = new Child(program, args, { cwd: directory, env: environment(options, sipPort) });
  }

  get pid(): number {
    return this.#child.pid;
  }

  get running(): boolean {
    return this.#child.running;
  }

  /** Everything that it printed, as text. */
  get text(): string {
    return this.#child.lines.join('\n');
  }

  /** The log so far. */
  get log(): GatewayLogLine[] {
    return this.#child.lines.map(parseLine);
  }

  /** Number of lines so far, to wait for what comes after them. */
  get position(): number {
    return this.#child.lines.length;
  }

  /** The first log line with this `event`, or that fits, from line number `from` (0: those that came already count). */
  async waitFor(
    wanted: string | ((line: GatewayLogLine) => boolean),
    from = 0,
    timeoutMs = 15_000,
  ): Promise<GatewayLogLine> {
    const fits = typeof wanted === 'string' ? (line: GatewayLogLine) => line.event === wanted : wanted;
    const label = Object.assign((text: string) => fits(parseLine(text)), { toString: () => String(wanted) });
    return parseLine(await this.#child.line(label, from, timeoutMs));
  }

  /** SIGTERM (by default) and the exit; SIGKILL after 20 s. Removes the working directory. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> {
    const exit = await this.#child.stop(signal, 20_000);
    await rm(this.#directory, { recursive: true, force: true });
    return exit;
  }

  /** Only sends a signal. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  get exited(): Promise<Exit> {
    return this.#child.exited;
  }

  /** Sockets and descriptors it holds now. */
  sockets(): ProcessSockets {
    return processSockets(this.pid);
  }

  /** Ports of the media range that it has bound now: none without a call. */
  mediaPorts(): number[] {
    return this.sockets().udp.filter((port) => port >= this.minPort && port <= this.maxPort);
  }

  usage(): ProcessUsage {
    return processUsage(this.pid);
  }
}

const relative = (word: string): string =>
  word.startsWith(repository) ? word.slice(repository.length) : word;

/** This process's environment without anything that means something to the gateway, then the account, then the extras. */
function environment(options: GatewayProcessOptions, sipPort: number): Record<string, string | undefined> {
  const foreign = Object.keys(process.env).filter((name) => /^(JIGASI|XMPP)_|^NODE_TEST_CONTEXT$/.test(name));
  const { account } = options;
  return {
    ...Object.fromEntries(foreign.map((name) => [name, undefined])),
    JIGASI_SIP_LISTEN_ADDRESS: '127.0.0.1',
    JIGASI_SIP_LISTEN_PORT: String(sipPort),
    JIGASI_LOG_FORMAT: 'json',
    JIGASI_SIP_DEFAULT_ROOM: options.defaultRoom,
    JIGASI_BREWERY_MUC: options.brewery,
    ...(account && {
      JIGASI_SIP_URI: `${account.user}@${account.domain}`,
      JIGASI_SIP_PASSWORD: account.password,
      JIGASI_SIP_SERVER: account.server,
      JIGASI_SIP_PORT: String(account.port),
      JIGASI_SIP_TRANSPORT: account.transport ?? 'udp',
      JIGASI_SIP_REGISTER: String(account.register ?? true),
    }),
    ...options.env,
  };
}

function parseLine(text: string): GatewayLogLine {
  try {
    const fields: unknown = text.startsWith('{') ? JSON.parse(text) : undefined;
    return { ...(fields as object | undefined), text };
  } catch {
    return { text };
  }
}
