import { isIPv6 } from 'node:net';
import { endianness } from 'node:os';
import { type NativeLibrary, openNativeLibrary } from './native-library.ts';
import type { TransportAddress } from './stun-address.ts';

/** Linux; the same numbers on x86-64 and arm64. */
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_DGRAM_NONBLOCK_CLOEXEC = 0o2004002;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_TIMESTAMPNS = 35;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 1;
/** 32-bit words of a `struct epoll_event`, which is packed on x86-64 only, and which of them is the file descriptor. */
export const eventWords = process.arch === 'x64' ? 3 : 4;
export const eventFd = process.arch === 'x64' ? 1 : 2;
const MSG_DONTWAIT = 0x40;
const CLOCK_REALTIME = 0;
/** A stall of 100 ms with fifty sources fits; the kernel may grant less. */
const receiveBufferBytes = 1 << 20;

/** `struct sockaddr_in`, `struct sockaddr_in6`. */
const ADDRESS_BYTES = 16;
const ADDRESS6_BYTES = 28;

/** The socket calls of Linux on plain file descriptors; a failed call answers −1 and leaves its name in `lastError`. */
export class SystemCalls {
  readonly library: NativeLibrary;
  readonly #socket: (family: number, type: number, protocol: number) => number;
  readonly #setOption: (fd: number, level: number, name: number, value: Int32Array, bytes: number) => number;
  readonly #bind: (fd: number, address: Uint8Array, bytes: number) => number;
  readonly #localName: (fd: number, address: Uint8Array, bytes: Uint32Array) => number;
  readonly #close: (fd: number) => number;
  readonly #sendTo: (
    fd: number,
    data: Uint8Array,
    bytes: number,
    flags: number,
    to: Uint8Array,
    toBytes: number,
  ) => number;
  readonly #receive: (fd: number, headers: number, count: number, flags: number, timeout: null) => number;
  readonly #epollCreate: (flags: number) => number;
  readonly #epollControl: (epoll: number, verb: number, fd: number, event: Int32Array) => number;
  readonly #epollWait: (epoll: number, events: Int32Array, most: number, timeoutMs: number) => number;
  readonly #clock: (clock: number, time: Uint32Array) => number;
  readonly #toBinary: (family: number, text: string, out: Uint8Array) => number;
  readonly #toText: (family: number, address: Uint8Array, out: Uint8Array, bytes: number) => unknown;
  /** `struct timespec`: seconds and nanoseconds, 64 bits each. */
  readonly #time = new Uint32Array(4);

  /** Undefined where these calls are not as described here. */
  static async load(): Promise<SystemCalls | undefined> {
    const isKnown = process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch);
    if (!isKnown || endianness() !== 'LE') return undefined;
    const library = await openNativeLibrary(['libc.so.6', 'libc.musl-x86_64.so.1', 'libc.musl-aarch64.so.1']);
    return library && new SystemCalls(library);
  }

  private constructor(library: NativeLibrary) {
    this.library = library;
    this.#socket = library.bind('int socket(int, int, int)');
    this.#setOption = library.bind('int setsockopt(int, int, int, const void *, uint32_t)');
    this.#bind = library.bind('int bind(int, const void *, uint32_t)');
    this.#localName = library.bind('int getsockname(int, void *, void *)');
    this.#close = library.bind('int close(int)');
    this.#sendTo = library.bind('int64_t sendto(int, const void *, uint64_t, int, const void *, uint32_t)');
    this.#receive = library.bind('int recvmmsg(int, void *, unsigned int, int, void *)');
    this.#epollCreate = library.bind('int epoll_create1(int)');
    this.#epollControl = library.bind('int epoll_ctl(int, int, int, void *)');
    this.#epollWait = library.bind('int epoll_wait(int, void *, int, int)');
    this.#clock = library.bind('int clock_gettime(int, void *)');
    this.#toBinary = library.bind('int inet_pton(int, const char *, void *)');
    this.#toText = library.bind('void *inet_ntop(int, const void *, void *, uint32_t)');
  }

  lastError(): string {
    return this.library.lastError();
  }

  /** A UDP socket that does not block, bound, whose datagrams carry the time of their arrival: its file descriptor, or the errno. */
  openUdp(address: string, port: number): number | string {
    const isV6 = isIPv6(address);
    const name = this.socketAddress(address, port);
    if (name === undefined) return 'EADDRNOTAVAIL';
    const fd = this.#socket(isV6 ? AF_INET6 : AF_INET, SOCK_DGRAM_NONBLOCK_CLOEXEC, 0);
    if (fd < 0) return this.lastError();
    this.#setOption(fd, SOL_SOCKET, SO_TIMESTAMPNS, Int32Array.of(1), 4);
    this.#setOption(fd, SOL_SOCKET, SO_RCVBUF, Int32Array.of(receiveBufferBytes), 4);
    if (isV6) this.#setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, Int32Array.of(1), 4);
    if (this.#bind(fd, name, name.length) === 0) return fd;
    const errno = this.lastError();
    this.#close(fd);
    return errno;
  }

  localPort(fd: number): number {
    const name = Buffer.alloc(ADDRESS6_BYTES);
    return this.#localName(fd, name, Uint32Array.of(ADDRESS6_BYTES)) === 0 ? name.readUInt16BE(2) : 0;
  }

  close(fd: number): void {
    this.#close(fd);
  }

  send(fd: number, datagram: Uint8Array, length: number, to: Uint8Array): number {
    return this.#sendTo(fd, datagram, length, MSG_DONTWAIT, to, to.length);
  }

  /** recvmmsg(2) into what `headers` describe: how many came. */
  receive(fd: number, headers: number, count: number): number {
    return this.#receive(fd, headers, count, MSG_DONTWAIT, null);
  }

  openEpoll(): number {
    return this.#epollCreate(EPOLL_CLOEXEC);
  }

  /** Reports the socket whenever it has something to read, until it is closed. */
  watch(epoll: number, fd: number): number {
    const event = new Int32Array(eventWords);
    event[0] = EPOLLIN;
    event[eventFd] = fd;
    return this.#epollControl(epoll, EPOLL_CTL_ADD, fd, event);
  }

  /** Fills `events`, each of `eventWords`, without waiting: how many sockets have something to read. */
  readable(epoll: number, events: Int32Array): number {
    return this.#epollWait(epoll, events, Math.floor(events.length / eventWords), 0);
  }

  /** Wall clock, ms. */
  realTimeMs(): number {
    const time = this.#time;
    this.#clock(CLOCK_REALTIME, time);
    const seconds = (time[1] as number) * 2 ** 32 + (time[0] as number);
    return seconds * 1000 + (time[2] as number) / 1e6;
  }

  /** Undefined for what is no literal address. */
  socketAddress(address: string, port: number): Uint8Array | undefined {
    const isV6 = isIPv6(address);
    const name = Buffer.alloc(isV6 ? ADDRESS6_BYTES : ADDRESS_BYTES);
    name.writeUInt16LE(isV6 ? AF_INET6 : AF_INET, 0);
    name.writeUInt16BE(port, 2);
    const binary = name.subarray(isV6 ? 8 : 4);
    return this.#toBinary(isV6 ? AF_INET6 : AF_INET, address, binary) === 1 ? name : undefined;
  }

  /** Reads what `socketAddress` writes. */
  transportAddress(name: Buffer): TransportAddress {
    const family = name.readUInt16LE(0);
    const text = Buffer.alloc(64);
    this.#toText(family, name.subarray(family === AF_INET6 ? 8 : 4), text, text.length);
    return { address: text.toString('latin1', 0, text.indexOf(0)), port: name.readUInt16BE(2) };
  }
}

/** Closes what a thread has left open. */
export async function closeFiles(fds: readonly number[]): Promise<void> {
  const calls = fds.length === 0 ? undefined : await SystemCalls.load();
  for (const fd of fds) calls?.close(fd);
}
