import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface ChildOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** What the kernel sends it when the test process dies: nothing is left behind. Default KILL. */
  readonly deathSignal?: 'KILL' | 'TERM';
  /** It reads what `write` gives it. Default: its input is empty. */
  readonly reads?: boolean;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

interface Waiter {
  matches(line: string): boolean;
  resolve(line: string): void;
  reject(error: Error): void;
}

/** A program that runs beside the test: its output by lines, and its end. */
export class Child {
  readonly pid: number;
  /** Everything it printed, both streams. */
  readonly lines: string[] = [];
  readonly exited: Promise<Exit>;
  readonly #command: string;
  readonly #process: ChildProcess;
  readonly #waiters = new Set<Waiter>();
  #exit: Exit | undefined;

  constructor(command: string, args: readonly string[], options: ChildOptions = {}) {
    this.#command = command;
    this.#process = spawn('setpriv', ['--pdeathsig', options.deathSignal ?? 'KILL', '--', command, ...args], {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      // A session of its own: Ctrl-C in the terminal reaches us alone, and we end it in order.
      detached: true,
      stdio: [options.reads === true ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    });
    this.pid = this.#process.pid ?? -1;
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => this.#onLine(line));
    }
    this.exited = new Promise((resolve) => {
      this.#process.once('error', (error) =>
        this.#onExit({ code: 127, signal: null }, resolve, error.message),
      );
      this.#process.once('exit', (code, signal) => this.#afterExit({ code, signal }, resolve));
    });
  }

  get running(): boolean {
    return this.#exit === undefined;
  }

  /**
   * The first line that matches, among those from number `from` on (0: also what was printed already) or still to come.
   * Fails when the program ends first, or after `timeoutMs` (15 s), with its last lines in the message.
   */
  line(matching: RegExp | ((line: string) => boolean), from = 0, timeoutMs = 15_000): Promise<string> {
    const matches = matching instanceof RegExp ? (line: string) => matching.test(line) : matching;
    const already = this.lines.slice(from).find(matches);
    if (already !== undefined) return Promise.resolve(already);
    const failed = (why: string) =>
      new Error(`${this.#command} ${why}, waiting for ${matching}\n${this.tail()}`);
    if (this.#exit) return Promise.reject(failed(`has ended (${this.#exit.code ?? this.#exit.signal})`));
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
      };
      const waiter: Waiter = {
        matches,
        resolve: (line) => {
          settle();
          resolve(line);
        },
        reject: (error) => {
          settle();
          reject(failed(error.message));
        },
      };
      const timer = setTimeout(() => waiter.reject(new Error('was silent too long')), timeoutMs);
      this.#waiters.add(waiter);
    });
  }

  tail(count = 40): string {
    return this.lines.slice(-count).join('\n');
  }

  /** One line of input. */
  write(line: string): void {
    this.#process.stdin?.write(`${line}\n`);
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Sends SIGTERM (or another signal) to it alone, and SIGKILL when it is still there after `patienceMs` (5 s). */
  async stop(signal: NodeJS.Signals = 'SIGTERM', patienceMs = 5000): Promise<Exit> {
    if (this.running) this.#process.kill(signal);
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), patienceMs);
    try {
      return await this.exited;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Its own children go with it: they would hold its ports, and its output open. Then the last lines are read. */
  #afterExit(exit: Exit, resolve: (exit: Exit) => void): void {
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch {
      // ESRCH: there were none
    }
    const done = () => this.#onExit(exit, resolve);
    this.#process.once('close', done);
    setTimeout(done, 1000).unref();
  }

  #onLine(line: string): void {
    this.lines.push(line);
    for (const waiter of [...this.#waiters]) if (waiter.matches(line)) waiter.resolve(line);
  }

  #onExit(exit: Exit, resolve: (exit: Exit) => void, message?: string): void {
    if (this.#exit) return;
    this.#exit = exit;
    if (message) this.lines.push(message);
    for (const waiter of [...this.#waiters]) waiter.reject(new Error(`ended (${exit.code ?? exit.signal})`));
    resolve(exit);
  }
}
