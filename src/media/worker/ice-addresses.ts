import { createHash } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { IceCandidate } from '../media-engine.ts';
import { candidatePriority } from './ice-check-list.ts';
import type { TransportAddress } from './stun-address.ts';

/** `0.0.0.0` or `::`: media sockets are bound for all addresses of both families. */
export function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

/**
 * Our host candidates (RFC 8445 §5.1.1.1): the address that is configured, or those of the machine. Loopback addresses serve
 * only a peer that is itself on loopback.
 */
export function hostCandidates(
  bound: string,
  port: number,
  peer: readonly TransportAddress[],
): IceCandidate[] {
  const onLoopback = peer.length > 0 && peer.every(({ address }) => isLoopback(address));
  const addresses = isWildcard(bound) ? machineAddresses(onLoopback) : [bound];
  return addresses.map((address, index) => candidate('host', address, port, 65_535 - index));
}

/** A candidate for an address that others see us under: a 1:1 NAT's, or what a STUN server reported. */
export function reflexiveCandidate(address: string, port: number): IceCandidate {
  return candidate('srflx', address, port, 65_535);
}

/** True for a unicast address of a family that a socket bound to `bound` can send to, with a usable port. */
export function isReachable(bound: string, { address, port }: TransportAddress): boolean {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return false;
  if (isIPv4(address)) return (isWildcard(bound) || isIPv4(bound)) && isUnicastV4(address);
  return isIPv6(address) && (isWildcard(bound) || isIPv6(bound)) && isUnicastV6(address);
}

export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

function candidate(
  type: 'host' | 'srflx',
  address: string,
  port: number,
  localPreference: number,
): IceCandidate {
  const foundation = createHash('sha256').update(`${type} ${address}`).digest('hex').slice(0, 8);
  const priority = candidatePriority(type === 'host' ? 126 : 100, localPreference);
  return { foundation, priority, address, port, type };
}

/** IPv4 first; link-local addresses need a zone and are of no use to a bridge. */
function machineAddresses(onLoopback: boolean): string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const usable = all.filter(
    ({ internal, address }) => internal === onLoopback && !address.startsWith('fe80:'),
  );
  const [v4, v6] = [
    usable.filter(({ family }) => family === 'IPv4'),
    usable.filter(({ family }) => family === 'IPv6'),
  ];
  return [...v4, ...v6].map(({ address }) => address);
}

function isUnicastV4(address: string): boolean {
  const first = Number(address.split('.', 1)[0]);
  return first > 0 && first < 224;
}

function isUnicastV6(address: string): boolean {
  const text = address.toLowerCase();
  return text !== '::' && !text.startsWith('ff') && !text.startsWith('fe80:') && !text.startsWith('::ffff:');
}
