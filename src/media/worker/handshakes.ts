import { Worker } from 'node:worker_threads';
import type { DtlsFingerprint } from '../media-engine.ts';
import type { SrtpProfile } from '../srtp-key-derivation.ts';
import { DtlsHandshake, type DtlsOptions } from './dtls.ts';
import type { DtlsCertificate, SrtpKeys } from './werift.ts';

/** One DTLS handshake, wherever it is computed: see DtlsHandshake. Times are milliseconds of a monotonic clock. */
export interface Handshake {
  /** Sends the ClientHello. */
  start(now: number): void;
  tick(now: number): void;
  receive(datagram: Buffer): void;
  close(): void;
}

/** What the thread of the handshakes is asked; `leg` numbers the handshake. */
export type HandshakeRequest = { readonly leg: number } & (
  | {
      readonly verb: 'start';
      readonly certificate: DtlsCertificate;
      readonly expected: DtlsFingerprint;
      readonly profiles: readonly SrtpProfile[];
    }
  | { readonly verb: 'receive'; readonly datagram: Uint8Array }
  | { readonly verb: 'close' }
);

/** Session keys as they cross threads. */
export interface PlainKeys {
  readonly profile: SrtpProfile;
  readonly local: { readonly key: Uint8Array; readonly salt: Uint8Array };
  readonly remote: { readonly key: Uint8Array; readonly salt: Uint8Array };
}

/** What it answers. `received`: the oldest datagram of the leg that was under way is dealt with. */
export type HandshakeMessage = { readonly leg: number } & (
  | { readonly kind: 'transmit'; readonly datagram: Uint8Array }
  | { readonly kind: 'received' }
  | { readonly kind: 'keys'; readonly keys: PlainKeys }
  | { readonly kind: 'failed'; readonly detail: string }
  | { readonly kind: 'drop'; readonly reason: string }
);

/** Datagrams of one leg that are under way to the thread. DTLS repeats what is lost. */
const maximumUnderWay = 64;
/** Longer than a handshake may take: the thread itself is in trouble. */
const patienceMs = 15_000;

const entry = new URL(
  import.meta.url.endsWith('.ts') ? './handshake-main.ts' : './handshake-main.js',
  import.meta.url,
);

let thread: HandshakeThread | undefined;

/**
 * From now on the handshakes of this thread's legs are computed in a thread beside it, of low priority: their public-key cryptography holds
 * a thread for several milliseconds, in which no tick could run. `onError` gets what that thread dies of; it is replaced.
 */
export function useHandshakeThread(onError: (error: unknown) => void): HandshakeThread {
  thread = new HandshakeThread(onError);
  return thread;
}

/** Without `useHandshakeThread` it is computed where it is asked for. */
export function openHandshake(options: DtlsOptions): Handshake {
  return thread?.open(options) ?? new DtlsHandshake(options);
}

export class HandshakeThread {
  readonly #onError: (error: unknown) => void;
  readonly #legs = new Map<number, RemoteHandshake>();
  #worker: Worker | undefined;
  #count = 0;

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
    this.#worker = this.#spawn();
  }

  open(options: DtlsOptions): Handshake {
    this.#count += 1;
    const leg = this.#count;
    const remote = new RemoteHandshake(options, leg, {
      post: (request) => this.#post(request),
      onOver: () => this.#legs.delete(leg),
    });
    this.#legs.set(leg, remote);
    return remote;
  }

  /** Resolves when it is gone; what is under way fails. */
  async stop(): Promise<void> {
    await this.#worker?.terminate();
  }

  #post(request: HandshakeRequest): void {
    this.#worker ??= this.#spawn();
    this.#worker.postMessage(request);
  }

  #spawn(): Worker {
    const worker = new Worker(entry, { name: 'handshakes' });
    worker.unref();
    worker.on('message', (message: HandshakeMessage) => this.#legs.get(message.leg)?.handle(message));
    worker.on('error', this.#onError);
    worker.on('exit', () => {
      if (this.#worker === worker) this.#worker = undefined;
      for (const leg of [...this.#legs.values()]) leg.fail('the thread of the handshakes ended');
    });
    return worker;
  }
}

interface Thread {
  readonly post: (request: HandshakeRequest) => void;
  readonly onOver: () => void;
}

/** A handshake that another thread computes. */
class RemoteHandshake implements Handshake {
  readonly #options: DtlsOptions;
  readonly #leg: number;
  readonly #thread: Thread;
  #startedAt: number | undefined;
  #underWay = 0;
  #isOver = false;

  constructor(options: DtlsOptions, leg: number, thread: Thread) {
    this.#options = options;
    this.#leg = leg;
    this.#thread = thread;
  }

  start(now: number): void {
    if (this.#isOver) return;
    this.#startedAt = now;
    const { certificate, expected, profiles } = this.#options;
    this.#thread.post({ leg: this.#leg, verb: 'start', certificate, expected, profiles });
  }

  tick(now: number): void {
    if (now - (this.#startedAt ?? now) >= patienceMs)
      this.fail('the thread of the handshakes does not answer');
  }

  receive(datagram: Buffer): void {
    if (this.#isOver) this.#options.drop('dtls-late');
    else if (this.#underWay >= maximumUnderWay) this.#options.drop('busy');
    else {
      this.#underWay += 1;
      // A copy of just these bytes: what crosses is all that lies behind a view.
      this.#thread.post({ leg: this.#leg, verb: 'receive', datagram: Uint8Array.from(datagram) });
    }
  }

  close(): void {
    if (this.#isOver) return;
    this.#end();
    if (this.#startedAt !== undefined) this.#thread.post({ leg: this.#leg, verb: 'close' });
  }

  handle(message: HandshakeMessage): void {
    switch (message.kind) {
      case 'transmit':
        this.#options.transmit(bufferOf(message.datagram));
        break;
      case 'received':
        this.#underWay -= 1;
        break;
      case 'keys':
        this.#end();
        this.#options.onKeys(keysOf(message.keys));
        break;
      case 'failed':
        this.fail(message.detail);
        break;
      case 'drop':
        this.#options.drop(message.reason);
        break;
    }
  }

  fail(detail: string): void {
    if (this.#isOver) return;
    this.close();
    this.#options.onFailed(detail);
  }

  #end(): void {
    this.#isOver = true;
    this.#thread.onOver();
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function keysOf({ profile, local, remote }: PlainKeys): SrtpKeys {
  return {
    profile,
    local: { key: bufferOf(local.key), salt: bufferOf(local.salt) },
    remote: { key: bufferOf(remote.key), salt: bufferOf(remote.salt) },
  };
}
