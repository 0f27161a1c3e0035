import { timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { readXorAddress, type TransportAddress, xorAddress } from './stun-address.ts';
import type { StunKey } from './stun-key.ts';

/** Binding is the only method of ICE (RFC 8445); the class is part of the type (RFC 8489 §5). */
export const bindingRequest = 0x0001;
export const bindingIndication = 0x0011;
export const bindingSuccess = 0x0101;
export const bindingError = 0x0111;

const magicCookie = 0x2112a442;
const headerBytes = 20;
const fingerprintXor = 0x5354554e;

const attributeTypes = {
  username: 0x0006,
  messageIntegrity: 0x0008,
  errorCode: 0x0009,
  unknownAttributes: 0x000a,
  xorMappedAddress: 0x0020,
  priority: 0x0024,
  useCandidate: 0x0025,
  fingerprint: 0x8028,
  iceControlled: 0x8029,
  iceControlling: 0x802a,
} as const;

/** A Binding message as ICE sees it. Attributes behind MESSAGE-INTEGRITY (other than FINGERPRINT) are not read (RFC 8489 §14.5). */
export interface StunMessage {
  readonly type: number;
  /** 12 bytes, hexadecimal. */
  readonly transactionId: string;
  readonly username: string | undefined;
  readonly priority: number | undefined;
  readonly useCandidate: boolean;
  readonly role: 'controlling' | 'controlled' | undefined;
  readonly tieBreaker: bigint | undefined;
  readonly mappedAddress: TransportAddress | undefined;
  readonly errorCode: number | undefined;
  /** Comprehension-required attributes that are not known (RFC 8489 §6.3.1). */
  readonly unknownRequired: readonly number[];
  readonly hasFingerprint: boolean;
  /** True when the message carries MESSAGE-INTEGRITY of this key. */
  isSignedWith(key: StunKey): boolean;
}

export interface StunContent {
  readonly type: number;
  readonly transactionId: string;
  readonly username?: string;
  readonly priority?: number;
  /** Our role and tie-breaker. */
  readonly role?: 'controlling' | 'controlled';
  readonly tieBreaker?: bigint;
  readonly useCandidate?: boolean;
  readonly mappedAddress?: TransportAddress;
  readonly errorCode?: number;
  readonly unknownAttributes?: readonly number[];
}

/** RFC 7983: the first byte of a STUN datagram is 0 to 3. */
export function looksLikeStun(datagram: Uint8Array): boolean {
  return datagram.length >= headerBytes && (datagram[0] ?? 0xff) < 4;
}

/**
 * Reads a STUN message. `undefined` for anything malformed: wrong cookie or length, truncated attributes, wrong FINGERPRINT.
 * MESSAGE-INTEGRITY is not checked here, because the key depends on the USERNAME: see `isSignedWith`.
 */
export function parseStun(datagram: Buffer): StunMessage | undefined {
  if (!looksLikeStun(datagram) || datagram.readUInt32BE(4) !== magicCookie) return undefined;
  if (datagram.readUInt16BE(2) !== datagram.length - headerBytes || datagram.length % 4 !== 0)
    return undefined;
  const found = readAttributes(datagram);
  if (found === undefined) return undefined;
  const value = (type: number) => found.values.get(type);
  return {
    type: datagram.readUInt16BE(0),
    transactionId: datagram.toString('hex', 8, headerBytes),
    username: value(attributeTypes.username)?.toString('utf8'),
    priority: readUint32(value(attributeTypes.priority)),
    useCandidate: found.values.has(attributeTypes.useCandidate),
    ...readRole(value(attributeTypes.iceControlling), value(attributeTypes.iceControlled)),
    mappedAddress: readXorAddress(value(attributeTypes.xorMappedAddress), datagram.subarray(8, headerBytes)),
    errorCode: readErrorCode(value(attributeTypes.errorCode)),
    unknownRequired: found.unknownRequired,
    hasFingerprint: found.hasFingerprint,
    isSignedWith: (key) => isSigned(datagram, found.integrityAt, key),
  };
}

/** Serialises a message; with `key` it gets MESSAGE-INTEGRITY, and always FINGERPRINT. */
export function serializeStun(content: StunContent, key?: StunKey): Buffer {
  const id = Buffer.from(content.transactionId, 'hex');
  const parts: Buffer[] = [];
  const put = (type: number, value: Buffer) => parts.push(attribute(type, value));
  if (content.username !== undefined) put(attributeTypes.username, Buffer.from(content.username, 'utf8'));
  if (content.priority !== undefined) put(attributeTypes.priority, uint32(content.priority));
  if (content.role !== undefined) {
    const type = content.role === 'controlled' ? attributeTypes.iceControlled : attributeTypes.iceControlling;
    put(type, uint64(content.tieBreaker ?? 0n));
  }
  if (content.useCandidate === true) put(attributeTypes.useCandidate, Buffer.alloc(0));
  if (content.mappedAddress !== undefined) {
    put(attributeTypes.xorMappedAddress, xorAddress(content.mappedAddress, id));
  }
  if (content.errorCode !== undefined) put(attributeTypes.errorCode, errorValue(content.errorCode));
  if (content.unknownAttributes !== undefined) {
    put(attributeTypes.unknownAttributes, uint16List(content.unknownAttributes));
  }
  let message = Buffer.concat([header(content.type, id), ...parts]);
  if (key !== undefined) {
    setLength(message, message.length + 24);
    message = Buffer.concat([message, attribute(attributeTypes.messageIntegrity, key.sign(message))]);
  }
  setLength(message, message.length + 8);
  return Buffer.concat([message, attribute(attributeTypes.fingerprint, uint32(fingerprintOf(message)))]);
}

interface Attributes {
  readonly values: Map<number, Buffer>;
  readonly unknownRequired: number[];
  readonly hasFingerprint: boolean;
  readonly integrityAt: number | undefined;
}

const knownTypes: ReadonlySet<number> = new Set(Object.values(attributeTypes));

function readAttributes(datagram: Buffer): Attributes | undefined {
  const values = new Map<number, Buffer>();
  const unknownRequired: number[] = [];
  let integrityAt: number | undefined;
  for (let at = headerBytes; at < datagram.length; ) {
    const value = attributeAt(datagram, at);
    if (value === undefined) return undefined;
    const type = datagram.readUInt16BE(at);
    if (type === attributeTypes.fingerprint) {
      if (!isFingerprint(datagram, at)) return undefined;
      return { values, unknownRequired, hasFingerprint: true, integrityAt };
    }
    if (type === attributeTypes.messageIntegrity && integrityAt === undefined) {
      if (value.length !== 20) return undefined;
      integrityAt = at;
    }
    if (integrityAt === undefined) keep(type, value, values, unknownRequired);
    at += 4 + value.length + ((4 - (value.length % 4)) % 4);
  }
  return { values, unknownRequired, hasFingerprint: false, integrityAt };
}

function attributeAt(datagram: Buffer, at: number): Buffer | undefined {
  if (at + 4 > datagram.length) return undefined;
  const end = at + 4 + datagram.readUInt16BE(at + 2);
  return end > datagram.length ? undefined : datagram.subarray(at + 4, end);
}

/** The first of several attributes of one type counts (RFC 8489 §14). */
function keep(type: number, value: Buffer, values: Map<number, Buffer>, unknownRequired: number[]): void {
  if (!knownTypes.has(type)) {
    if (type < 0x8000) unknownRequired.push(type);
  } else if (!values.has(type)) {
    values.set(type, value);
  }
}

/** FINGERPRINT is the last attribute (RFC 8489 §14.7). */
function isFingerprint(datagram: Buffer, at: number): boolean {
  return (
    at + 8 === datagram.length && datagram.readUInt32BE(at + 4) === fingerprintOf(datagram.subarray(0, at))
  );
}

/** The HMAC covers the message up to MESSAGE-INTEGRITY, with the length as if it ended behind it (RFC 8489 §14.5). */
function isSigned(datagram: Buffer, at: number | undefined, key: StunKey): boolean {
  if (at === undefined) return false;
  const covered = Buffer.from(datagram.subarray(0, at));
  setLength(covered, at + 24);
  return timingSafeEqual(key.sign(covered), datagram.subarray(at + 4, at + 24));
}

function fingerprintOf(bytes: Buffer): number {
  return (crc32(bytes) ^ fingerprintXor) >>> 0;
}

function header(type: number, id: Buffer): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16BE(type, 0);
  bytes.writeUInt32BE(magicCookie, 4);
  return Buffer.concat([bytes, id]);
}

function setLength(message: Buffer, total: number): void {
  message.writeUInt16BE(total - headerBytes, 2);
}

function attribute(type: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(4 + Math.ceil(value.length / 4) * 4);
  bytes.writeUInt16BE(type, 0);
  bytes.writeUInt16BE(value.length, 2);
  value.copy(bytes, 4);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

function uint64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

function uint16List(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  values.forEach((value, index) => {
    bytes.writeUInt16BE(value, index * 2);
  });
  return bytes;
}

function errorValue(code: number): Buffer {
  return Buffer.from([0, 0, Math.floor(code / 100), code % 100]);
}

function readUint32(value: Buffer | undefined): number | undefined {
  return value?.length === 4 ? value.readUInt32BE(0) : undefined;
}

function readErrorCode(value: Buffer | undefined): number | undefined {
  if (value === undefined || value.length < 4) return undefined;
  return ((value[2] ?? 0) & 7) * 100 + (value[3] ?? 0);
}

function readRole(
  controlling: Buffer | undefined,
  controlled: Buffer | undefined,
): Pick<StunMessage, 'role' | 'tieBreaker'> {
  const value = controlling ?? controlled;
  if (value === undefined || value.length !== 8) return { role: undefined, tieBreaker: undefined };
  return { role: controlling ? 'controlling' : 'controlled', tieBreaker: value.readBigUInt64BE(0) };
}
