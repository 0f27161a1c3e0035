/** Seeded damage to messages: what one run does, another with the same seed does again. */
export class Mutation {
  readonly #random: () => number;
  /** What is put into the messages. */
  readonly pieces: readonly Buffer[];

  constructor(random: () => number, pieces: readonly string[] = sipPieces) {
    this.#random = random;
    this.pieces = pieces.map((piece) => Buffer.from(piece, 'latin1'));
  }

  /** Whole number from 0 to below `limit`. */
  below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  pick<T>(list: readonly T[]): T {
    const chosen = list[this.below(list.length)];
    if (chosen === undefined) throw new RangeError('nothing to choose from');
    return chosen;
  }

  /** `seed` with one to four changes; `other` lends it parts. At most 20,000 bytes, at least 8. */
  damage(seed: Buffer, other: Buffer): Buffer {
    let bytes = seed;
    for (let change = this.below(4); change >= 0; change -= 1) bytes = this.pick(changes)(bytes, this, other);
    return bytes.length < 8 ? seed : bytes.subarray(0, 20_000);
  }
}

type Change = (bytes: Buffer, mutation: Mutation, other: Buffer) => Buffer;

/** What has broken parsers: separators, quotes, escapes, numbers at the edge of their range, line ends, other messages' parts. */
const sipPieces = [
  ...[';', ',', ';;', ',,', '"', '<', '>', '<>', '\\', '\\"', '%', '%00', '%zz', '=', ';tag=', ';branch='],
  ...['\r\n', '\r\n ', '\n', '\r', '\0', '\t', ' ', '\r\n\r\n', '[', ']', '[::1]', '[:::1]', '::', '@', ':'],
  ...['-1', '0', '255', '256', '65536', '2147483648', '4294967296', '99999999999999999999', '1e9', '0x1'],
  ...[
    'SIP/2.0',
    'SIP/2.0/UDP ',
    'sip:',
    'sips:',
    'tel:',
    '*',
    '?',
    '?Route=%3Csip:a%3E',
    ';lr',
    ';rport',
    ';received=',
  ],
  ...[
    '\u00ff\u00fe',
    '\u00c3',
    '\u00f0\u009f\u0098',
    'z9hG4bK',
    'ACK',
    'CANCEL',
    'BYE',
    'INVITE',
    'v=0\r\n',
    'm=audio ',
  ],
  ...[
    'Via: ',
    'Contact: *',
    'Content-Length: ',
    'Require: ',
    'Record-Route: <sip:x;lr>\r\n',
    'l:',
    'Replaces: ',
  ],
];

const changes: readonly Change[] = [
  (bytes, mutation) => {
    const copy = Buffer.from(bytes);
    copy[mutation.below(copy.length)] = mutation.below(256);
    return copy;
  },
  (bytes, mutation) => splice(bytes, mutation.below(bytes.length), 0, mutation.pick(mutation.pieces)),
  (bytes, mutation) => {
    const piece = mutation.pick(mutation.pieces);
    return splice(bytes, mutation.below(bytes.length), piece.length, piece);
  },
  (bytes, mutation) => splice(bytes, mutation.below(bytes.length), mutation.below(20), Buffer.alloc(0)),
  (bytes, mutation) => bytes.subarray(0, mutation.below(bytes.length)),
  (bytes, mutation) => {
    const start = mutation.below(bytes.length);
    const part = bytes.subarray(start, start + 1 + mutation.below(40));
    return splice(bytes, start, 0, Buffer.concat(Array(1 + mutation.below(300)).fill(part)));
  },
  (bytes, mutation) => {
    const list = lines(bytes);
    list.splice(mutation.below(list.length), 1);
    return joined(list);
  },
  (bytes, mutation) => {
    const list = lines(bytes);
    list.splice(mutation.below(list.length), 0, mutation.pick(list));
    return joined(list);
  },
  (bytes, mutation, other) => {
    const list = lines(bytes);
    list[mutation.below(list.length)] = mutation.pick(lines(other));
    return joined(list);
  },
  (bytes, mutation) => {
    const text = bytes.toString('latin1');
    const numbers = [...text.matchAll(/\d+/g)];
    const number = numbers[mutation.below(Math.max(1, numbers.length))];
    return number === undefined
      ? bytes
      : splice(bytes, number.index, number[0].length, mutation.pick(mutation.pieces));
  },
  (bytes, mutation, other) =>
    Buffer.concat([
      bytes.subarray(0, mutation.below(bytes.length)),
      other.subarray(mutation.below(other.length)),
    ]),
];

function splice(bytes: Buffer, start: number, removed: number, added: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, start), added, bytes.subarray(start + removed)]);
}

function lines(bytes: Buffer): string[] {
  return bytes.toString('latin1').split('\r\n');
}

function joined(list: readonly string[]): Buffer {
  return Buffer.from(list.join('\r\n'), 'latin1');
}
