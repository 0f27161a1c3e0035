import { randomBytes } from 'node:crypto';

/** The crypto-suites that we can use (RFC 4568 §6.2), the stronger first. */
export const srtpSuites = ['AES_CM_128_HMAC_SHA1_80', 'AES_CM_128_HMAC_SHA1_32'] as const;

export type SrtpSuite = (typeof srtpSuites)[number];

/** Our master key and salt for each suite, 30 bytes in base64: made once for a dialog. Never to be logged. */
export type SrtpKeys = Readonly<Record<SrtpSuite, string>>;

/** `a=crypto` (RFC 4568 §9.1). */
export interface CryptoAttribute {
  /** Names the line in the answer. */
  readonly tag: number;
  readonly suite: SrtpSuite;
  /** Master key and salt of the one who sent the line, in base64. */
  readonly key: string;
}

const keyBytes = 30;

export function newSrtpKeys(): SrtpKeys {
  const key = (): string => randomBytes(keyBytes).toString('base64');
  return { AES_CM_128_HMAC_SHA1_80: key(), AES_CM_128_HMAC_SHA1_32: key() };
}

/** Our offer: each suite with its key. */
export function offeredCrypto(keys: SrtpKeys): CryptoAttribute[] {
  return srtpSuites.map((suite, index) => ({ tag: index + 1, suite, key: keys[suite] }));
}

/**
 * Reads the value of an `a=crypto` line. Undefined: it is malformed, or wants what we cannot do: another suite, several keys, a master
 * key identifier, or session parameters that change the packets (RFC 4568 §6.3: such a line must not be taken).
 */
export function readCrypto(value: string): CryptoAttribute | undefined {
  const [tag = '', name = '', keys = '', ...parameters] = value.trim().split(/ +/);
  const suite = srtpSuites.find((known) => known.toLowerCase() === name.toLowerCase());
  const inline = /^inline:([A-Za-z0-9+/]+={0,2})(?:\|(?:2\^)?\d{1,20})?$/i.exec(keys)?.[1];
  if (!/^\d{1,9}$/.test(tag) || suite === undefined || inline === undefined) return undefined;
  if (Buffer.from(inline, 'base64').length !== keyBytes || !parameters.every(isHarmless)) return undefined;
  return { tag: Number(tag), suite, key: inline };
}

/** A window size hint, and a key derivation rate of 0, which is ours (RFC 3711 §4.3.1). */
function isHarmless(parameter: string): boolean {
  return /^(?:WSH=\d{1,6}|KDR=0)$/i.test(parameter);
}
