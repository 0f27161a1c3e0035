import { readFileSync } from 'node:fs';

/** Datagrams to an IPv4 socket of this machine on `port` that its receive buffer had no room for. */
export function udpDrops(port: number): number {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  let drops = 0;
  for (const line of readFileSync('/proc/net/udp', 'latin1').split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/);
    if (fields[1]?.endsWith(`:${hex}`) === true) drops += Number(fields.at(-1));
  }
  return drops;
}
