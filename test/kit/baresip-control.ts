import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** An event of baresip, as its ctrl_tcp module sends it. */
export interface PhoneEvent {
  readonly type: string;
  /** E.g. the reason of a CALL_CLOSED: `486 Busy Here`, `Connection reset by peer`. */
  readonly param: string;
  readonly peeruri: string | undefined;
  readonly direction: string | undefined;
  readonly id: string | undefined;
}

interface Waiter {
  readonly type: string;
  resolve: (event: PhoneEvent) => void;
}

/** Commands and events of baresip's ctrl_tcp module: JSON in netstrings. */
export class BaresipControl {
  readonly events: PhoneEvent[] = [];
  readonly #socket: Socket;
  readonly #waiters: Waiter[] = [];
  /** Number of events that were handed out, by type. */
  readonly #given = new Map<string, number>();
  readonly #answers = new Map<string, (data: string) => void>();
  #received: Buffer = Buffer.alloc(0);
  #token = 0;

  static async connect(port: number): Promise<BaresipControl> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new BaresipControl(socket);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', () => {});
    socket.on('data', (data) => this.#onData(data));
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Runs a command; resolves with what it printed. */
  command(name: string, params?: string): Promise<string> {
    this.#token += 1;
    const token = String(this.#token);
    const body = JSON.stringify({ command: name, token, ...(params === undefined ? {} : { params }) });
    this.#socket.write(`${Buffer.byteLength(body)}:${body},`);
    return within(`answer of the phone to ${name}`, 10_000, (resolve) => this.#answers.set(token, resolve));
  }

  event(type: string, timeoutMs = 15_000): Promise<PhoneEvent> {
    const given = this.#given.get(type) ?? 0;
    this.#given.set(type, given + 1);
    const already = this.events.filter((event) => event.type === type)[given];
    if (already) return Promise.resolve(already);
    const waiter: Waiter = { type, resolve: () => {} };
    return within<PhoneEvent>(
      `${type} of the phone`,
      timeoutMs,
      (resolve) => {
        waiter.resolve = resolve;
        this.#waiters.push(waiter);
      },
      () => this.events.map((event) => `${event.type} ${event.param}`).join('; '),
    ).catch((error: unknown) => {
      // It was not given to anybody: the next one who asks shall have it.
      this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
      this.#given.set(type, (this.#given.get(type) ?? 1) - 1);
      throw error;
    });
  }

  #onData(data: Buffer): void {
    this.#received = Buffer.concat([this.#received, data]);
    for (;;) {
      const colon = this.#received.indexOf(':');
      if (colon < 0) return;
      const length = Number(this.#received.toString('latin1', 0, colon));
      if (this.#received.length < colon + length + 2) return;
      const body = this.#received.toString('utf8', colon + 1, colon + 1 + length);
      this.#received = this.#received.subarray(colon + length + 2);
      this.#onMessage(JSON.parse(body) as Record<string, unknown>);
    }
  }

  #onMessage(message: Record<string, unknown>): void {
    const text = (key: string) => (message[key] === undefined ? undefined : String(message[key]));
    if (message.event !== true) {
      const token = text('token') ?? '';
      this.#answers.get(token)?.(text('data') ?? '');
      this.#answers.delete(token);
      return;
    }
    const event: PhoneEvent = {
      type: text('type') ?? '',
      param: text('param') ?? '',
      peeruri: text('peeruri'),
      direction: text('direction'),
      id: text('id'),
    };
    this.events.push(event);
    const index = this.#waiters.findIndex((waiter) => waiter.type === event.type);
    if (index >= 0) this.#waiters.splice(index, 1)[0]?.resolve(event);
  }
}

function within<T>(
  what: string,
  timeoutMs: number,
  arrange: (resolve: (value: T) => void) => void,
  context = () => '',
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`no ${what} within ${timeoutMs} ms. ${context()}`)),
      timeoutMs,
    );
    arrange((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}
