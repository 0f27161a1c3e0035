import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface ProcessSockets {
  /** Local ports of UDP sockets, sorted. */
  readonly udp: readonly number[];
  /** Local ports of listening TCP sockets, sorted. */
  readonly listening: readonly number[];
  /** Number of TCP connections in any other state. */
  readonly connections: number;
  /** Open file descriptors of every kind. */
  readonly descriptors: number;
}

/** What a process holds open, from /proc. A process that has ended holds nothing. */
export function processSockets(pid: number): ProcessSockets {
  const links = descriptorLinks(pid);
  const inodes = new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
  const own = (table: string) => rows(pid, table).filter((row) => inodes.has(row.inode));
  const tcp = [...own('tcp'), ...own('tcp6')];
  const ports = (list: readonly Row[]) => list.map((row) => row.port).sort((a, b) => a - b);
  return {
    udp: ports([...own('udp'), ...own('udp6')]),
    listening: ports(tcp.filter((row) => row.state === listen)),
    connections: tcp.filter((row) => row.state !== listen).length,
    descriptors: links.length,
  };
}

export interface ProcessUsage {
  /** CPU seconds since its start, user and system, all threads. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly threads: number;
}

export function processUsage(pid: number): ProcessUsage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticksPerSecond = 100; // USER_HZ, the same on every Linux architecture that Node runs on
  const resident = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
    residentBytes: Number(resident?.[1] ?? 0) * 1024,
    threads: Number(fields[17]),
  };
}

interface Row {
  readonly port: number;
  readonly state: string;
  readonly inode: string;
}

const listen = '0A';

function rows(pid: number, table: string): Row[] {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/net/${table}`, 'latin1');
  } catch {
    return [];
  }
  return text
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => {
      const fields = line.trim().split(/\s+/);
      const port = Number.parseInt(fields[1]?.split(':')[1] ?? '0', 16);
      return { port, state: fields[3] ?? '', inode: fields[9] ?? '' };
    });
}

function descriptorLinks(pid: number): string[] {
  let names: string[];
  try {
    names = readdirSync(`/proc/${pid}/fd`);
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${name}`)];
    } catch {
      return []; // closed meanwhile
    }
  });
}
