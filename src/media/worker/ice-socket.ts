import { isIPv6 } from 'node:net';
import { isWildcard } from './ice-addresses.ts';
import type { TransportAddress } from './stun-address.ts';
import { type BindFailure, bindUdp, type UdpEvents, type UdpSocket } from './udp-socket.ts';

/** The one UDP port of a Jingle session; for all addresses it is two sockets with the same number. */
export interface IceSocket {
  readonly port: number;
  /** Sends `datagram[0…length)`. */
  send(datagram: Buffer, to: TransportAddress, length?: number): void;
  /** See UdpSocket. */
  read(): void;
  close(): Promise<void>;
}

export type IceBound =
  | { readonly ok: true; readonly value: IceSocket }
  | { readonly ok: false; readonly error: BindFailure };

/** Binds the port; the IPv6 half of a wildcard only when the peer has IPv6 candidates and this machine knows IPv6. */
export async function bindIceSocket(
  address: string,
  port: number,
  peer: readonly TransportAddress[],
  events: UdpEvents,
): Promise<IceBound> {
  const first = await bindUdp(isWildcard(address) ? '0.0.0.0' : address, port, events);
  if (!first.ok) return first;
  if (!isWildcard(address) || !peer.some((candidate) => isIPv6(candidate.address))) {
    return { ok: true, value: join(first.value, first.value) };
  }
  const second = await bindUdp('::', first.value.port, events);
  if (second.ok) return { ok: true, value: join(first.value, second.value) };
  if (second.error.errno === 'EADDRINUSE') {
    await first.value.close();
    return second;
  }
  return { ok: true, value: join(first.value, undefined) };
}

function join(v4: UdpSocket, v6: UdpSocket | undefined): IceSocket {
  // Nearly all packets go where the last one went.
  let last: TransportAddress | undefined;
  let socket: UdpSocket | undefined;
  return {
    port: v4.port,
    send(datagram, to, length = datagram.length) {
      if (to !== last) socket = isIPv6(to.address) ? v6 : v4;
      last = to;
      socket?.send(datagram, to.port, to.address, length);
    },
    read() {
      v4.read();
      if (v6 !== v4) v6?.read();
    },
    async close() {
      await Promise.all([v4.close(), v6?.close()]);
    },
  };
}
