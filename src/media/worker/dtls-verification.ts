import { createHash, createHmac, timingSafeEqual, verify, X509Certificate } from 'node:crypto';
import type { DtlsFingerprint } from '../media-engine.ts';
import type { HandshakeMessage } from './werift.ts';

/** TLS handshake message types (RFC 5246 §7.4). */
export const handshakeType = {
  serverHello: 2,
  helloVerifyRequest: 3,
  certificate: 11,
  serverKeyExchange: 12,
  certificateRequest: 13,
  serverHelloDone: 14,
  finished: 20,
} as const;

/** RFC 8122 §5, without SHA-1 and MD5. Signalled name to OpenSSL's. */
const hashes: Readonly<Record<string, string>> = {
  'sha-256': 'sha256',
  'sha-384': 'sha384',
  'sha-512': 'sha512',
};

export function isStrongHash(name: string): boolean {
  return Object.hasOwn(hashes, name.toLowerCase());
}

/** The server's messages that prove who it is, each as first received. */
export type ServerFlight = ReadonlyMap<number, Buffer>;

export interface Agreed {
  readonly clientRandom: Buffer;
  readonly masterSecret: Buffer;
  /** All handshake messages before the server's Finished. */
  readonly transcript: Buffer;
}

/**
 * Proves that the peer is the one that signalling named: its certificate has the signalled fingerprint (RFC 5763 §5), the key
 * of that certificate signed the key exchange (RFC 5246 §7.4.3, RFC 8422 §5.4), and its Finished covers what we saw (§7.4.9).
 * Answers what is wrong, or `undefined`. May throw on hostile certificates.
 */
export function findForgery(
  flight: ServerFlight,
  finished: HandshakeMessage,
  expected: DtlsFingerprint,
  agreed: Agreed,
): string | undefined {
  const certificate = firstCertificate(flight.get(handshakeType.certificate));
  if (certificate === undefined) return 'no certificate';
  if (!hasFingerprint(certificate, expected))
    return 'the certificate has another fingerprint than the offer says';
  const hello = flight.get(handshakeType.serverHello);
  const exchange = flight.get(handshakeType.serverKeyExchange);
  if (hello === undefined || exchange === undefined) return 'incomplete server flight';
  const randoms = Buffer.concat([agreed.clientRandom, hello.subarray(2, 34)]);
  if (!isSignedExchange(exchange, randoms, certificate))
    return 'the key exchange is not signed by the certificate';
  const wanted = verifyData(agreed.masterSecret, 'server finished', agreed.transcript);
  const isFinished = finished.body.length === wanted.length && timingSafeEqual(finished.body, wanted);
  return isFinished ? undefined : 'wrong Finished';
}

export function hasFingerprint(der: Buffer, expected: DtlsFingerprint): boolean {
  const hash = hashes[expected.hash.toLowerCase()];
  if (hash === undefined) return false;
  const wanted = expected.value.replaceAll(':', '').toLowerCase();
  return createHash(hash).update(der).digest('hex') === wanted;
}

/** Certificate message: list length (3), then length (3) and DER of the first certificate (RFC 5246 §7.4.2). */
function firstCertificate(body: Buffer | undefined): Buffer | undefined {
  if (body === undefined || body.length < 6) return undefined;
  const end = 6 + body.readUIntBE(3, 3);
  return end > body.length ? undefined : body.subarray(6, end);
}

/** curve type (1), curve (2), point length (1), point; hash (1), signature algorithm (1), signature length (2), signature. */
function isSignedExchange(body: Buffer, randoms: Buffer, certificate: Buffer): boolean {
  const parametersEnd = 4 + (body[3] ?? 0);
  const signatureStart = parametersEnd + 4;
  if (signatureStart > body.length || body[parametersEnd] !== 4) return false;
  const signatureEnd = signatureStart + body.readUInt16BE(parametersEnd + 2);
  if (signatureEnd !== body.length) return false;
  const signed = Buffer.concat([randoms, body.subarray(0, parametersEnd)]);
  const { publicKey } = new X509Certificate(certificate);
  return verify('sha256', signed, publicKey, body.subarray(signatureStart, signatureEnd));
}

/** RFC 5246 §5 and §7.4.9, with the SHA-256 PRF. */
export function verifyData(masterSecret: Buffer, label: string, transcript: Buffer): Buffer {
  const hmac = (data: Buffer) => createHmac('sha256', masterSecret).update(data).digest();
  const seed = Buffer.concat([Buffer.from(label, 'ascii'), createHash('sha256').update(transcript).digest()]);
  return hmac(Buffer.concat([hmac(seed), seed])).subarray(0, 12);
}
