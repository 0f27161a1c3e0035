import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { fail, failure } from '../../errors.ts';
import type { WorkerResult } from '../protocol.ts';
import type { OpenSockets } from './open-sockets.ts';
import type { TransportAddress } from './stun-address.ts';
import { SystemSockets } from './system-sockets.ts';

/** `agoMs`: how long before this call it came. */
export type DatagramHandler = (datagram: Buffer, from: TransportAddress, agoMs: number) => void;

export interface UdpSocket {
  readonly port: number;
  /** Sends `datagram[0…length)` to a literal address of the socket's family. Errors are counted, never thrown: UDP may lose anything. */
  send(datagram: Buffer, port: number, address: string, length?: number): void;
  /** Hands over what has come, now; sockets of node:dgram do that by themselves. */
  read(): void;
  close(): Promise<void>;
}

/** Why a socket could not be bound: `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`, … */
export interface BindFailure {
  readonly errno: string;
  readonly port: number;
}

export type Bound =
  | { readonly ok: true; readonly value: UdpSocket }
  | { readonly ok: false; readonly error: BindFailure };

export interface UdpEvents {
  readonly onDatagram: DatagramHandler;
  /** A send or receive error of the socket; its errno. */
  readonly onError: (errno: string) => void;
}

let system: SystemSockets | undefined;

/** From now on this thread's sockets are the system's own where that is possible: answers whether. They are read by `readSockets` only. */
export async function useSystemSockets(open?: OpenSockets): Promise<boolean> {
  system = await SystemSockets.load(open);
  return system !== undefined;
}

/** From now on this thread's sockets are those of node:dgram, as on systems where `useSystemSockets` answers false. */
export function useNodeSockets(): void {
  system = undefined;
}

/** What this thread's sockets from now on send is theirs no more when `send` returns. */
export function sendsAtOnce(): boolean {
  return system !== undefined;
}

/** Hands over what has come to the sockets of this thread, but for those whose owners read them in each tick. */
export function readSockets(): void {
  system?.read();
}

/** Binds one UDP port. `::` takes IPv6 only, so that the same port number can also be bound for IPv4. */
export function bindUdp(address: string, port: number, events: UdpEvents): Promise<Bound> {
  if (system !== undefined) return Promise.resolve(system.bind(address, port, events));
  const isV6 = isIPv6(address);
  const socket = createSocket({
    type: isV6 ? 'udp6' : 'udp4',
    ipv6Only: isV6,
    lookup: literalLookup(isV6 ? 6 : 4),
  });
  return new Promise((resolve) => {
    const refuse = (error: Error) => {
      socket.close();
      resolve({ ok: false, error: { errno: errnoOf(error), port } });
    };
    socket.once('error', refuse);
    socket.bind({ address, port, exclusive: true }, () => {
      socket.removeListener('error', refuse);
      resolve({ ok: true, value: wrap(socket, events) });
    });
  });
}

/** Errors of sending are counted by sample, because to hear how it went costs a turn of the queue for each packet. */
const askOneIn = 16;

function wrap(socket: Socket, events: UdpEvents): UdpSocket {
  let closed: Promise<void> | undefined;
  let sent = 0;
  const onSent = (error: Error | null) => {
    if (error) events.onError(errnoOf(error));
  };
  socket.on('error', (error) => events.onError(errnoOf(error)));
  socket.on('message', (datagram, from) => events.onDatagram(datagram, from, 0));
  return {
    port: socket.address().port,
    send(datagram, port, address, length = datagram.length) {
      if (closed !== undefined) return;
      sent += 1;
      socket.send(datagram, 0, length, port, address, sent % askOneIn === 0 ? onSent : undefined);
    },
    read() {},
    close() {
      closed ??= new Promise((resolve) => {
        socket.close(() => resolve());
      });
      return closed;
    },
  };
}

type LookupCallback = (error: NodeJS.ErrnoException | null, address: string, family: number) => void;

/**
 * Addresses are literals here, and answering at once keeps `send` synchronous: the default lookup would wait a turn of the
 * event loop with each packet, in which the caller may already write the next packet into the same buffer.
 */
function literalLookup(family: 4 | 6) {
  return (hostname: string, _options: unknown, callback: LookupCallback): void => {
    callback(null, hostname, family);
  };
}

function errnoOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}

/** For the main thread: a port that we may not have is as good as one that another program has, so another one may be tried. */
export function bindRefused(address: string, { errno, port }: BindFailure): WorkerResult<never> {
  if (errno !== 'EADDRINUSE' && errno !== 'EACCES') {
    return fail('internal', `cannot bind media address ${address}: ${errno}`);
  }
  return { ok: false, error: { ...failure('ports-exhausted', errno), busyPort: port } };
}
