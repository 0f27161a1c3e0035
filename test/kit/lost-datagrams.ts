import { Socket } from 'node:dgram';
import { seededRandom } from './random.ts';

/** A datagram on its way between this process and a peer. */
export interface Datagram {
  readonly text: string;
  readonly direction: 'in' | 'out';
  /** How often this very text was lost already. */
  readonly lost: number;
}

export interface Losses {
  /** Number of datagrams that were lost. */
  readonly count: number;
  stop(): void;
}

interface Lossy {
  readonly isLost: (datagram: Datagram) => boolean;
  readonly times: Map<string, number>;
  count: number;
}

/** The ports whose datagrams get lost; while there are any, all UDP sockets of the process are looked at. */
const ports = new Map<number, Lossy>();
const { send, emit } = Socket.prototype;

/** From now on loses those datagrams of this process' socket on `port`, both ways, that `isLost` chooses. */
export function loseDatagrams(port: number, isLost: Lossy['isLost']): Losses {
  const lossy: Lossy = { isLost, times: new Map(), count: 0 };
  if (ports.size === 0) Object.assign(Socket.prototype, { send: lossySend, emit: lossyEmit });
  ports.set(port, lossy);
  return {
    get count() {
      return lossy.count;
    },
    stop() {
      ports.delete(port);
      if (ports.size === 0) Object.assign(Socket.prototype, { send, emit });
    },
  };
}

function lossySend(this: Socket, ...args: unknown[]): void {
  const done = args.at(-1);
  if (!loses(this, args[0], 'out')) Reflect.apply(send, this, args);
  else if (typeof done === 'function') setImmediate(() => done(null));
}

function lossyEmit(this: Socket, event: string, ...args: unknown[]): boolean {
  if (event === 'message' && loses(this, args[0], 'in')) return true;
  return Reflect.apply(emit, this, [event, ...args]);
}

function loses(socket: Socket, bytes: unknown, direction: 'in' | 'out'): boolean {
  const lossy = Buffer.isBuffer(bytes) ? ports.get(portOf(socket)) : undefined;
  if (lossy === undefined) return false;
  const text = String(bytes);
  const lost = lossy.times.get(direction + text) ?? 0;
  if (!lossy.isLost({ text, direction, lost })) return false;
  lossy.times.set(direction + text, lost + 1);
  lossy.count += 1;
  return true;
}

/** A share of all, by a seed; never the same text more often than `atMost` times, so that repetitions always arrive. */
export function someDatagrams(share: number, seed: number, atMost = 2): (datagram: Datagram) => boolean {
  const random = seededRandom(seed);
  return ({ lost }) => random() < share && lost < atMost;
}

function portOf(socket: Socket): number {
  try {
    return socket.address().port;
  } catch {
    // Closed.
    return -1;
  }
}
