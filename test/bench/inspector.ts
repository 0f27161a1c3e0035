/** One thread of the inspected process: the main thread (`session` undefined) or a worker. */
interface Thread {
  readonly name: string;
  readonly session: string | undefined;
}

export interface HeapFigures {
  readonly thread: string;
  /** Bytes after a full garbage collection: objects, and compiled code, which grows for as long as functions get hot. */
  readonly objects: number;
  readonly code: number;
  readonly arrayBuffers: number;
  /** What keeps the thread's event loop alive, by kind. */
  readonly resources: Readonly<Record<string, number>>;
}

export interface NamedProfile {
  readonly thread: string;
  readonly profile: unknown;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

interface Waiting {
  resolve(result: Record<string, unknown>): void;
  reject(error: Error): void;
}

const figures = `JSON.stringify({
  spaces: process.getBuiltinModule('v8').getHeapSpaceStatistics(),
  arrayBuffers: process.memoryUsage().arrayBuffers,
  resources: process.getActiveResourcesInfo(),
})`;

interface Figures {
  readonly spaces: readonly { readonly space_name: string; readonly space_used_size: number }[];
  readonly arrayBuffers: number;
  readonly resources: readonly string[];
}

/** The inspector protocol of a Node process that was started with `--inspect`: collects garbage, weighs heaps, profiles; all threads. */
export class Inspector {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<string, Waiting>();
  readonly #threads: Thread[] = [{ name: 'main', session: undefined }];
  #count = 0;

  /** `output` is what the process printed: the address is in it. */
  static async connect(output: string): Promise<Inspector> {
    const url = /Debugger listening on (ws:\S+)/.exec(output)?.[1];
    if (url === undefined) throw new Error('the process was not started with --inspect');
    const socket = new WebSocket(url);
    await new Promise<void>((resolve, reject) => {
      socket.onopen = () => resolve();
      socket.onerror = () => reject(new Error(`no inspector at ${url}`));
    });
    const inspector = new Inspector(socket);
    await inspector.#command('NodeWorker.enable', { waitForDebuggerOnStart: false });
    return inspector;
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#received(JSON.parse(String(data)) as Message, undefined);
  }

  async heaps(): Promise<HeapFigures[]> {
    const found: HeapFigures[] = [];
    for (const { name, session } of this.#threads) {
      await this.#command('HeapProfiler.enable', {}, session);
      // Finalizers run between collections, and free more.
      for (let round = 0; round < 3; round += 1)
        await this.#command('HeapProfiler.collectGarbage', {}, session);
      const answer = await this.#command('Runtime.evaluate', { expression: figures }, session);
      const { value } = answer.result as { value: string };
      const { spaces, arrayBuffers, resources } = JSON.parse(value) as Figures;
      const used = (wanted: (space: string) => boolean) =>
        spaces
          .filter((space) => wanted(space.space_name))
          .reduce((sum, space) => sum + space.space_used_size, 0);
      const isCode = (space: string) => /code|trusted/.test(space);
      found.push({
        thread: name,
        objects: used((space) => !isCode(space)),
        code: used(isCode),
        arrayBuffers,
        resources: counted(resources),
      });
    }
    return found;
  }

  async startProfiles(): Promise<void> {
    for (const { session } of this.#threads) {
      await this.#command('Profiler.enable', {}, session);
      await this.#command('Profiler.setSamplingInterval', { interval: 500 }, session);
      await this.#command('Profiler.start', {}, session);
    }
  }

  async stopProfiles(): Promise<NamedProfile[]> {
    const profiles: NamedProfile[] = [];
    for (const { name, session } of this.#threads) {
      const { profile } = await this.#command('Profiler.stop', {}, session);
      profiles.push({ thread: name, profile });
    }
    return profiles;
  }

  close(): void {
    this.#socket.close();
  }

  #command(
    method: string,
    params: Record<string, unknown>,
    session?: string,
  ): Promise<Record<string, unknown>> {
    this.#count += 1;
    const id = this.#count;
    const message = JSON.stringify({ id, method, params });
    return new Promise((resolve, reject) => {
      this.#waiting.set(`${session ?? ''} ${id}`, { resolve, reject });
      if (session === undefined) this.#socket.send(message);
      else {
        const wrapped = { sessionId: session, message };
        void this.#command('NodeWorker.sendMessageToWorker', wrapped).catch(reject);
      }
    });
  }

  #received(message: Message, session: string | undefined): void {
    const { method, params = {} } = message;
    if (method === 'NodeWorker.attachedToWorker') this.#attached(params);
    else if (method === 'NodeWorker.receivedMessageFromWorker') {
      this.#received(JSON.parse(String(params.message)) as Message, String(params.sessionId));
    }
    const key = `${session ?? ''} ${message.id}`;
    const waiting = this.#waiting.get(key);
    this.#waiting.delete(key);
    if (message.error === undefined) waiting?.resolve(message.result ?? {});
    else waiting?.reject(new Error(message.error.message));
  }

  #attached({ sessionId, workerInfo }: Record<string, unknown>): void {
    const { url } = workerInfo as { url: string };
    const isMedia = url.includes('/media/worker/');
    const place = this.#threads.length;
    this.#threads.push({ name: isMedia ? `media ${place}` : `worker ${place}`, session: String(sessionId) });
  }
}

function counted(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
