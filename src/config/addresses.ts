import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** An IPv4 address in four decimal parts or an IPv6 address, without brackets or zone. */
export function isAddress(text: string): boolean {
  return isIP(text) !== 0 && ipaddr.isValid(text);
}

/** An address, or a CIDR range of them. */
export function isAddressRange(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  if (rest.length > 0 || !isAddress(address)) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && ipaddr.isValidCIDR(text));
}

/** An address that one host can have: not a group and not a broadcast. */
export function isHostAddress(text: string): boolean {
  return isAddress(text) && !['multicast', 'broadcast'].includes(rangeOf(text));
}

/** `0.0.0.0` or `::`. */
export function isUnspecified(text: string): boolean {
  return isAddress(text) && rangeOf(text) === 'unspecified';
}

export function isLoopback(text: string): boolean {
  return isAddress(text) && rangeOf(text) === 'loopback';
}

/** `process` turns an IPv4 address that is written as IPv6 into what it is. */
function rangeOf(address: string): string {
  return ipaddr.process(address).range();
}
