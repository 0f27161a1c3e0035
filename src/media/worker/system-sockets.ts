import { DatagramBatch } from './datagram-batch.ts';
import type { OpenSockets } from './open-sockets.ts';
import type { TransportAddress } from './stun-address.ts';
import { eventFd, eventWords, SystemCalls } from './system-calls.ts';
import type { Bound, UdpEvents, UdpSocket } from './udp-socket.ts';

/** Sockets that one question can name. */
const readableAtOnce = 512;
/** 12,800 datagrams a second, when ticks read. */
const mostBatches = 8;
/** Who read a socket so lately will do it again. */
const tendedMs = 40;
/** A packet is not older than this, whatever the clocks say. */
const oldestMs = 1000;

interface Watched {
  readonly events: UdpEvents;
  /** Where the last datagram came from: mostly where the next one does. */
  readonly nameWords: Uint32Array;
  from: TransportAddress;
  /** When its owner read it by itself, ms of the wall clock. */
  readAtMs: number;
}

/**
 * UDP by system calls: sockets are read in batches, when a tick wants their packets and not when each of them comes, and packets bring the
 * time at which the kernel got them. That is a third of what node:dgram costs, and a thread that was busy does not take its own delay for
 * jitter of the network. One for each thread.
 */
export class SystemSockets {
  readonly #calls: SystemCalls;
  readonly #open: OpenSockets | undefined;
  readonly #batch: DatagramBatch;
  readonly #epoll: number;
  readonly #sockets = new Map<number, Watched>();
  readonly #readable = new Int32Array(readableAtOnce * eventWords);

  /** Undefined where this system does not have the calls. `open` tells the main thread which sockets are left when this one dies. */
  static async load(open?: OpenSockets): Promise<SystemSockets | undefined> {
    const calls = await SystemCalls.load();
    if (calls === undefined) return undefined;
    const epoll = calls.openEpoll();
    return epoll < 0 ? undefined : new SystemSockets(calls, epoll, open);
  }

  private constructor(calls: SystemCalls, epoll: number, open: OpenSockets | undefined) {
    this.#calls = calls;
    this.#epoll = epoll;
    this.#open = open;
    this.#open?.add(epoll);
    this.#batch = new DatagramBatch(calls);
  }

  bind(address: string, port: number, events: UdpEvents): Bound {
    const fd = this.#calls.openUdp(address, port);
    if (typeof fd === 'string') return { ok: false, error: { errno: fd, port } };
    this.#open?.add(fd);
    if (this.#calls.watch(this.#epoll, fd) < 0) {
      const errno = this.#calls.lastError();
      this.#close(fd);
      return { ok: false, error: { errno, port } };
    }
    const watched = { events, nameWords: new Uint32Array(8), from: { address: '', port: 0 }, readAtMs: 0 };
    this.#sockets.set(fd, watched);
    return { ok: true, value: this.#socket(fd, watched) };
  }

  /** Hands over the datagrams that have come, but for those of sockets that their owners read all the time anyway. */
  read(): void {
    if (this.#sockets.size === 0) return;
    const count = this.#calls.readable(this.#epoll, this.#readable);
    if (count <= 0) return;
    const nowMs = this.#calls.realTimeMs();
    for (let event = 0; event < count; event++) {
      const fd = this.#readable[event * eventWords + eventFd] as number;
      const socket = this.#sockets.get(fd);
      if (socket === undefined || nowMs - socket.readAtMs < tendedMs) continue;
      this.#readSocket(fd, socket, nowMs);
    }
  }

  /** Who is flooded is read on, so that his peer is still heard, but not for so long that the others wait. */
  #readSocket(fd: number, socket: Watched, nowMs: number): void {
    for (let batches = 0; batches < mostBatches; batches++) {
      if (this.#readBatch(fd, socket, nowMs) < DatagramBatch.size) return;
    }
  }

  #readBatch(fd: number, socket: Watched, nowMs: number): number {
    const batch = this.#batch;
    const count = batch.read(fd);
    for (let at = 0; at < count; at++) {
      // What one datagram causes may be the end of the socket.
      if (this.#sockets.get(fd) !== socket) return 0;
      if (batch.isTruncated(at)) {
        socket.events.onError('EMSGSIZE');
        continue;
      }
      if (!batch.isFrom(at, socket.nameWords)) socket.from = this.#calls.transportAddress(batch.name(at));
      const arrivalMs = batch.arrivalMs(at) ?? nowMs;
      const agoMs = Math.max(0, Math.min(nowMs - arrivalMs, oldestMs));
      socket.events.onDatagram(batch.datagram(at), socket.from, agoMs);
    }
    return count;
  }

  #socket(fd: number, watched: Watched): UdpSocket {
    const calls = this.#calls;
    const { events } = watched;
    let isOpen = true;
    let name: Uint8Array | undefined;
    let nameOf: string | undefined;
    let namePort = 0;
    return {
      port: calls.localPort(fd),
      send(datagram, port, address, length = datagram.length) {
        if (!isOpen) return;
        if (address !== nameOf || port !== namePort) {
          name = calls.socketAddress(address, port);
          nameOf = address;
          namePort = port;
        }
        if (name === undefined) events.onError('EADDRNOTAVAIL');
        else if (calls.send(fd, datagram, length, name) < 0) events.onError(calls.lastError());
      },
      read: () => {
        if (!isOpen) return;
        watched.readAtMs = calls.realTimeMs();
        this.#readSocket(fd, watched, watched.readAtMs);
      },
      close: async () => {
        if (isOpen) this.#close(fd);
        isOpen = false;
      },
    };
  }

  #close(fd: number): void {
    this.#sockets.delete(fd);
    this.#open?.remove(fd);
    this.#calls.close(fd);
  }
}
