import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** Networks that do not exist in the public Internet (RFC 6890): an SDP that names them was written behind a NAT, or for a test. */
const unroutable = new BlockList();
const v4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
];
const v6: readonly (readonly [string, number])[] = [
  ['::', 127],
  ['2001:db8::', 32],
  ['fc00::', 7],
  ['fe80::', 10],
];
for (const [network, prefix] of v4) unroutable.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of v6) unroutable.addSubnet(network, prefix, 'ipv6');

/** True for a literal address that the public Internet routes to one host. */
export function isPublicAddress(address: string): boolean {
  return isUnicastAddress(address) && !unroutable.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
}

/** False for names, multicast, broadcast and the unspecified address: media must never be sent there. */
export function isUnicastAddress(address: string): boolean {
  if (isIPv4(address)) {
    const first = Number(address.split('.', 1)[0]);
    return first > 0 && first < 224;
  }
  const text = address.toLowerCase();
  return isIPv6(address) && text !== '::' && !text.startsWith('ff') && !text.startsWith('::ffff:');
}
