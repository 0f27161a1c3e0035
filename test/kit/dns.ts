import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

export type DnsRecord =
  | { readonly type: 'A'; readonly address: string; readonly ttl?: number }
  | {
      readonly type: 'SRV';
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: string;
    }
  | {
      readonly type: 'NAPTR';
      readonly order: number;
      readonly preference: number;
      readonly service: string;
      readonly replacement: string;
    };

const types = { A: 1, AAAA: 28, SRV: 33, NAPTR: 35 } as const;

/** A DNS server on UDP (RFC 1035 §4) with the records of the test; what it does not know does not exist. */
export class DnsServer {
  /** By name in lower case; may be changed at any time. */
  readonly zone = new Map<string, DnsRecord[]>();
  /** `TYPE name` of each question. */
  readonly asked: string[] = [];
  /** False: it receives and says nothing. */
  answering = true;
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (query, from) => {
      const answer = this.#answer(query);
      if (this.answering) socket.send(answer, from.port, from.address);
    });
  }

  static async start(zone: Readonly<Record<string, DnsRecord[]>>): Promise<DnsServer> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const server = new DnsServer(socket);
    for (const [name, records] of Object.entries(zone)) server.zone.set(name, records);
    return server;
  }

  /** `address:port`. */
  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  close(): void {
    this.#socket.close();
  }

  #answer(query: Buffer): Buffer {
    const { name, end } = readName(query, 12);
    const type = query.readUInt16BE(end);
    const typeName = Object.entries(types).find(([, number]) => number === type)?.[0] ?? String(type);
    this.asked.push(`${typeName} ${name}`);
    const all = this.zone.get(name.toLowerCase());
    const records = (all ?? []).filter((record) => types[record.type] === type);
    const head = Buffer.from(query.subarray(0, 12));
    // Response, recursion available; 3: there is no such name.
    head.writeUInt16BE(0x8180 | (all === undefined ? 3 : 0), 2);
    head.writeUInt16BE(records.length, 6);
    head.writeUInt32BE(0, 8);
    return Buffer.concat([
      head,
      query.subarray(12, end + 4),
      ...records.map((record) => encode(name, record)),
    ]);
  }
}

function encode(name: string, record: DnsRecord): Buffer {
  const data = dataOf(record);
  const head = Buffer.alloc(10);
  head.writeUInt16BE(types[record.type], 0);
  head.writeUInt16BE(1, 2);
  head.writeUInt32BE(record.type === 'A' ? (record.ttl ?? 60) : 60, 4);
  head.writeUInt16BE(data.length, 8);
  return Buffer.concat([writeName(name), head, data]);
}

function dataOf(record: DnsRecord): Buffer {
  switch (record.type) {
    case 'A':
      return Buffer.from(record.address.split('.').map(Number));
    case 'SRV':
      return Buffer.concat([words(record.priority, record.weight, record.port), writeName(record.target)]);
    case 'NAPTR':
      return Buffer.concat([
        words(record.order, record.preference),
        ...['s', record.service, ''].map((text) => Buffer.from([text.length, ...Buffer.from(text)])),
        writeName(record.replacement),
      ]);
  }
}

function words(...numbers: number[]): Buffer {
  const bytes = Buffer.alloc(numbers.length * 2);
  for (const [index, number] of numbers.entries()) bytes.writeUInt16BE(number, index * 2);
  return bytes;
}

function writeName(name: string): Buffer {
  const labels = name.split('.').filter(Boolean);
  return Buffer.concat([
    ...labels.map((label) => Buffer.from([label.length, ...Buffer.from(label)])),
    Buffer.from([0]),
  ]);
}

function readName(bytes: Buffer, start: number): { name: string; end: number } {
  const labels: string[] = [];
  let place = start;
  for (let length = bytes[place] ?? 0; length > 0; length = bytes[place] ?? 0) {
    labels.push(bytes.toString('latin1', place + 1, place + 1 + length));
    place += length + 1;
  }
  return { name: labels.join('.'), end: place + 1 };
}
