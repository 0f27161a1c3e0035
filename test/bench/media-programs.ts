import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onGatewayCore } from './cores.ts';
import type { HostLoad, HostRequest, OpenLeg } from './media-host.ts';

const sources = fileURLToPath(new URL('./c/', import.meta.url));
const host = fileURLToPath(new URL('./media-host.ts', import.meta.url));

/** Microseconds of CPU that libopus alone needs in a tick: three speakers decoded to 8 kHz, one phone encoded. */
export interface CodecFloor {
  readonly decodeUs: number;
  readonly encodeUs: number;
  readonly perCallUs: number;
  readonly version: string;
}

const debianPackages = 'gcc libc6-dev libopus-dev libsrtp2-dev libssl-dev';

/** The C programs of the bench, built for this run; throws with what is missing. */
export class Programs {
  readonly #directory = mkdtempSync(join(tmpdir(), 'jigasi-bench-'));

  constructor() {
    this.#build('codec-floor', '-lopus', '-lm');
    this.#build('media-load', '-lsrtp2', '-lssl', '-lcrypto');
  }

  /** Measures on the gateway's core, and writes the frames for the load generator. */
  floor(): CodecFloor {
    const [command, ...given] = onGatewayCore([this.#path('codec-floor'), ...this.frames]);
    return JSON.parse(execFileSync(command, given, { encoding: 'utf8' }));
  }

  get frames(): readonly [string, string] {
    return [this.#path('frames'), this.#path('mulaw')];
  }

  get generator(): string {
    return this.#path('media-load');
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #build(name: string, ...libraries: readonly string[]): void {
    const from = join(sources, `${name}.c`);
    try {
      execFileSync('gcc', ['-O2', '-o', this.#path(name), from, ...libraries], { stdio: 'inherit' });
    } catch (error) {
      this.remove();
      throw new Error(`${name}.c does not build; Debian: apt-get install ${debianPackages}`, {
        cause: error,
      });
    }
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}

/** What the load generator saw since its last report. */
export interface GeneratorReport {
  readonly toBridgeLegs: number;
  readonly toPhoneLegs: number;
  readonly atBridge: number;
  readonly atPhones: number;
  /** Holes in the sequence numbers that phones got. */
  readonly gaps: number;
  /** Packets whose SRTP was wrong. */
  readonly refused: number;
  readonly notSent: number;
  /** How late the generator itself was. */
  readonly ownLateP99Ms: number;
  readonly phoneLateP50Ms: number;
  readonly phoneLateP99Ms: number;
  readonly phoneLateP999Ms: number;
  readonly cpuPercent: number;
  readonly seconds: number;
}

/** The videobridge and the telephones: see media-load.c. */
export class LoadGenerator {
  readonly bridgePort: number;
  readonly phonePort: number;
  readonly fingerprint: string;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  static async start(programs: Programs, legs: number): Promise<LoadGenerator> {
    const child = spawn(programs.generator, [...programs.frames, String(legs)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    if (child.stdout === null) throw new Error('no output of the load generator');
    const lines: Interface = createInterface({ input: child.stdout });
    const iterator = lines[Symbol.asyncIterator]();
    const first = await iterator.next();
    const started = new LoadGenerator(child, iterator, JSON.parse(first.value ?? ''));
    await iterator.next(); // the empty report of the beginning
    return started;
  }

  private constructor(
    child: ChildProcess,
    lines: AsyncIterator<string>,
    { bridgePort, phonePort, fingerprint }: { bridgePort: number; phonePort: number; fingerprint: string },
  ) {
    this.#child = child;
    this.#lines = lines;
    this.bridgePort = bridgePort;
    this.phonePort = phonePort;
    this.fingerprint = fingerprint;
  }

  /** The leg's phone sends to this port from now on, and the bridge sends the speakers of the room. */
  begin(leg: number, room: number, rtpPort: number, talks: boolean): void {
    this.#child.stdin?.write(`leg ${leg} ${room} ${rtpPort} ${talks ? 1 : 0}\n`);
  }

  end(leg: number): void {
    this.#child.stdin?.write(`end ${leg}\n`);
  }

  async report(): Promise<GeneratorReport> {
    this.#child.stdin?.write('report\n');
    return JSON.parse((await this.#lines.next()).value ?? '');
  }

  stop(): void {
    this.#child.stdin?.end();
    this.#child.kill();
  }
}

/** The media engine under test, in its own process: see media-host.ts. */
export class MediaHost {
  readonly pid: number;
  /** What it wrote to its error output. */
  errors = '';
  readonly #child: ChildProcess;
  readonly #pending = new Map<
    number,
    { resolve: (result: unknown) => void; reject: (error: Error) => void }
  >();
  #requests = 0;

  /** `file`: another checkout's media-host.ts. */
  static async start(nodeArguments: readonly string[] = [], file = host): Promise<MediaHost> {
    const [command, ...given] = onGatewayCore([process.execPath, ...nodeArguments, file]);
    const child = spawn(command, given, { stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
    const started = new MediaHost(child);
    await new Promise<void>((resolve, reject) => {
      started.#pending.set(0, { resolve: () => resolve(), reject });
      child.once('exit', () => reject(new Error(`the media host ended: ${started.errors}`)));
    });
    return started;
  }

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.pid = child.pid ?? 0;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.errors += text;
    });
    child.on('message', ({ id, result, error }: { id: number; result?: unknown; error?: string }) => {
      const pending = this.#pending.get(id);
      this.#pending.delete(id);
      if (error === undefined) pending?.resolve(result);
      else pending?.reject(new Error(error));
    });
  }

  /** Resolves with the phone's RTP port when the bridge leg is up. */
  open(leg: OpenLeg): Promise<number> {
    return this.#ask({ verb: 'open', leg });
  }

  close(leg: number): Promise<null> {
    return this.#ask({ verb: 'close', leg });
  }

  load(): Promise<HostLoad> {
    return this.#ask({ verb: 'load' });
  }

  stop(): void {
    this.#child.removeAllListeners('exit');
    if (this.#child.connected) this.#child.disconnect();
  }

  #ask<T>(request: Record<string, unknown> & { readonly verb: HostRequest['verb'] }): Promise<T> {
    this.#requests += 1;
    const id = this.#requests;
    return new Promise<T>((resolve, reject) => {
      this.#pending.set(id, { resolve: (result) => resolve(result as T), reject });
      this.#child.send({ ...request, id });
    });
  }
}
