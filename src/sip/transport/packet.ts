import type { SipTransport } from '../../config/config.ts';
import type { Address } from '../via.ts';
import type { TcpConnection } from './tcp-connection.ts';

/** One received message, not yet parsed, and where it came from. */
export interface Packet {
  readonly bytes: Buffer;
  readonly transport: SipTransport;
  readonly source: Address;
  /** TCP: the connection that it came on; its answer goes back there (RFC 3261 §18.2.2). */
  readonly connection: TcpConnection | undefined;
}

/** Next hop of a message: an address, not a name. */
export interface Hop {
  readonly transport: SipTransport;
  readonly address: string;
  readonly port: number;
  /** TLS: the name that was asked for, which the peer's certificate must be for. Default `address`. */
  readonly name?: string;
}

export function hopKey(hop: Hop): string {
  return `${hop.transport} ${hop.address} ${hop.port}`;
}
