import { isIPv6 } from 'node:net';

/** The kind of socket that an address needs. */
export function udpType(address: string): 'udp4' | 'udp6' {
  return isIPv6(address) ? 'udp6' : 'udp4';
}
