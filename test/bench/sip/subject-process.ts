import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onGatewayCore } from '../cores.ts';
import type { HeldMemory, HostState, HostVerb, SubjectName } from './host.ts';
import { type StandInProcess, startStandIn } from './stand-in-process.ts';
import type { CallOrder, PlacedCalls } from './subject.ts';

const host = fileURLToPath(new URL('./host.ts', import.meta.url));

interface Pending {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** A subject in its own process on the gateway's core, before other work of the machine where that is allowed: see host.ts. */
export class SubjectProcess {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #standIn: StandInProcess | undefined;
  readonly #pending: Map<number, Pending>;
  #requests = 0;

  static async start(name: SubjectName): Promise<SubjectProcess> {
    const standIn = name === 'drachtio' ? await startStandIn() : undefined;
    const [command, ...given] = onGatewayCore([
      'nice',
      '-n',
      '-15',
      process.execPath,
      '--expose-gc',
      '--max-old-space-size=6000',
      host,
      name,
    ]);
    // nice complains without root, and runs the program all the same.
    const child = spawn(command, given, {
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
      env: { ...process.env, ...standIn?.environment },
    });
    let errors = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-2_000);
    });
    const pending = new Map<number, Pending>();
    child.on('message', ({ id, result, error }: { id: number; result?: unknown; error?: string }) => {
      const waiting = pending.get(id);
      pending.delete(id);
      if (error === undefined) waiting?.resolve(result);
      else waiting?.reject(new Error(error));
    });
    child.once('exit', () => {
      for (const { reject } of pending.values()) reject(new Error(`${name} ended: ${errors}`));
      pending.clear();
    });
    const port = await new Promise<unknown>((resolve, reject) => pending.set(0, { resolve, reject }));
    return new SubjectProcess(child, standIn, pending, Number(port));
  }

  private constructor(
    child: ChildProcess,
    standIn: StandInProcess | undefined,
    pending: Map<number, Pending>,
    port: number,
  ) {
    this.#child = child;
    this.#standIn = standIn;
    this.#pending = pending;
    this.port = port;
  }

  state(): Promise<HostState> {
    return this.#ask({ verb: 'state' });
  }

  memory(): Promise<HeldMemory> {
    return this.#ask({ verb: 'memory' });
  }

  /** Microseconds for an INVITE. */
  parse(rounds: number): Promise<number> {
    return this.#ask({ verb: 'parse', rounds });
  }

  place(order: CallOrder): Promise<PlacedCalls> {
    return this.#ask({ verb: 'place', order });
  }

  stop(): void {
    if (this.#child.connected) this.#child.disconnect();
    this.#standIn?.stop();
  }

  #ask<T>(request: HostVerb): Promise<T> {
    this.#requests += 1;
    const id = this.#requests;
    return new Promise<T>((resolve, reject) => {
      this.#pending.set(id, { resolve: (result) => resolve(result as T), reject });
      this.#child.send({ ...request, id });
    });
  }
}
