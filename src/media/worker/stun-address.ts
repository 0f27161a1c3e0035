import { isIPv4, isIPv6, SocketAddress } from 'node:net';

/** An IPv4 or IPv6 address in its textual form, and a UDP port. */
export interface TransportAddress {
  readonly address: string;
  readonly port: number;
}

/** The upper half of the magic cookie masks the port. */
const portMask = 0x2112;

/** The address is masked with the cookie and, for IPv6, the transaction id (RFC 8489 §14.2). */
function addressMask(id: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x21, 0x12, 0xa4, 0x42]), id]);
}

/** The form in which the socket reports the address, so that addresses can be compared as text (RFC 5952). */
export function canonicalAddress(address: string): string {
  return isIPv6(address) ? ipv6Text(addressOctets(address)) : address;
}

/** Value of XOR-MAPPED-ADDRESS; `id` is the transaction id, 12 bytes (RFC 8489 §14.2). */
export function xorAddress(from: TransportAddress, id: Buffer): Buffer {
  const octets = addressOctets(from.address);
  const mask = addressMask(id);
  const head = Buffer.from([0, octets.length === 4 ? 1 : 2, 0, 0]);
  head.writeUInt16BE(from.port ^ portMask, 2);
  return Buffer.concat([head, octets.map((octet, index) => octet ^ (mask[index] ?? 0))]);
}

/** Reads such a value; `undefined` when it is malformed. */
export function readXorAddress(value: Buffer | undefined, id: Buffer): TransportAddress | undefined {
  if (value === undefined || value.length < 8) return undefined;
  const size = value[1] === 1 ? 4 : 16;
  if (value.length !== 4 + size) return undefined;
  const mask = addressMask(id);
  const octets = value.subarray(4).map((octet, index) => octet ^ (mask[index] ?? 0));
  const port = value.readUInt16BE(2) ^ portMask;
  return { address: size === 4 ? octets.join('.') : ipv6Text(octets), port };
}

function ipv6Text(octets: Uint8Array): string {
  const groups: string[] = [];
  for (let at = 0; at < 16; at += 2)
    groups.push((((octets[at] ?? 0) << 8) | (octets[at + 1] ?? 0)).toString(16));
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address;
}

/** Octets of an IPv4 or IPv6 address in its textual form. */
function addressOctets(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail = ''] = address.replace(/%.*$/, '').split('::');
  const before = ipv6Groups(head);
  const behind = ipv6Groups(tail);
  const missing = new Array<number>(Math.max(0, 8 - before.length - behind.length)).fill(0);
  return uint16s([...before, ...missing, ...behind].slice(0, 8));
}

function ipv6Groups(text: string): number[] {
  return text
    .split(':')
    .filter((group) => group !== '')
    .flatMap((group) => {
      if (!isIPv4(group)) return [Number.parseInt(group, 16)];
      const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
      return [(a << 8) | b, (c << 8) | d];
    });
}

function uint16s(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  values.forEach((value, index) => {
    bytes.writeUInt16BE(value, index * 2);
  });
  return bytes;
}
